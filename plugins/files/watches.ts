import { address, defineAnalyzer, integer, list, text } from 'salvor'
import { memberColumns, pathsShown, readMembers } from 'salvor/containers'
import { readOpenFiles, readWatches } from 'salvor/kernel'

const NOBODY = { pid: null, comm: null, container: null, container_name: null, pod: null }

export default defineAnalyzer({
  name: 'watches',
  aliases: ['inotify', 'fsnotify'],
  summary: 'Who watches which file: inotify, fanotify, dnotify, and what audit rules watch',
  description:
    'What /proc/PID/fdinfo shows of the descriptors of inotify and fanotify, with the paths of what is watched; and ' +
    'directories of which a process asked for signals, and what the kernel itself watches for audit. A malicious program ' +
    'that puts itself back when it is deleted has a watch on its own file.',
  torn: 'a watch that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor watches memory.elf --container shop-web-1', what: 'what one container watches' },
    { command: 'salvor watches memory.elf --columns comm,kind,path,events', what: 'all watches' },
  ],
  key: ['pid', 'fd', 'kind', 'wd', 'device', 'inode', 'path'],
  columns: {
    address: address('Address of the struct fsnotify_mark', { detail: true }),
    ...memberColumns,
    fd: integer('Descriptor by which it is held', { detail: true }),
    kind: text('inotify, fanotify, dnotify or audit'),
    wd: integer("inotify's number of the watch", { detail: true }),
    of: text('inode, mount or file system', { detail: true }),
    path: text('Path of what is watched; of an inode that has no name in memory null', { meaning: 'path' }),
    inode: integer('Inode', { meaning: 'inode', detail: true }),
    device: text('Device of its file system, as major:minor', { detail: true }),
    events: list('What is told of it'),
    ignored: list('What of that is not told', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    const shown = pathsShown(kernel)
    yield readWatches(kernel, readOpenFiles(kernel, [...members.keys()])).map(({ task, superblock, ...watch }) => ({
      ...watch,
      path: watch.of === 'inode' ? shown(superblock, watch.path) : watch.path,
      ...(members.get(task ?? 0n) ?? NOBODY),
    }))
  },
})
