import { bytes, defineAnalyzer, flag, integer, need, text, time } from 'salvor'
import { containerColumns } from 'salvor/containers'
import files from './files.js'

export default defineAnalyzer({
  name: 'container-changes',
  aliases: ['docker-diff', 'upper-layer'],
  summary: 'Files that containers have made or changed: the upper layers of their overlays, as far as memory has them',
  description:
    'What docker diff shows as added and changed, by the names that are in memory; directories are left out. What is not ' +
    'here is from the image, or has left memory.',
  torn: 'a file that was there throughout is one row, right in each cell that is not null.',
  examples: [{ command: 'salvor container-changes memory.elf --container corp-batch', what: 'of one container' }],
  key: ['device', 'inode', 'path'],
  needs: { files: need(files) },
  columns: {
    ...containerColumns,
    container: text('Id of the container', { meaning: 'container' }),
    path: text('Path, as the container has it', { meaning: 'path' }),
    type: text('file, symlink, character, block, fifo or socket', { detail: true }),
    size: bytes('Size'),
    mode: text('Type and permissions, as ls shows them'),
    uid: integer('Owner', { detail: true }),
    inode: integer('Inode', { meaning: 'inode', detail: true }),
    device: text('Device of its file system, as major:minor', { detail: true }),
    modified: time('When its contents were last changed'),
    changed: time('When its contents or its inode were last changed', { detail: true }),
    cached_bytes: bytes('Bytes of its contents that are in memory, in whole pages', { detail: true }),
    deleted: flag('Whether its name is gone again'),
  },
  *run({ tables }) {
    for (const file of tables.files.rows()) {
      if (file.layer !== 'upper' || file.type === 'directory') continue
      const { container, container_name, pod, path, type, size, mode, uid } = file
      const { inode, device, modified, changed, cached_bytes, deleted } = file
      yield {
        ...{ container, container_name, pod, path, type, size, mode, uid },
        ...{ inode, device, modified, changed, cached_bytes, deleted },
      }
    }
  },
})
