import { changedFiles, defineRule, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'

const PRELOAD = /^\/etc\/ld\.so\.preload$/
const SEARCH = /^\/etc\/(?:ld\.so\.conf$|ld\.so\.conf\.d\/)/

export default defineRule({
  name: 'ld-so-preload',
  title: 'The loader is told to load a library into every program, or where to look first',
  means:
    'What /etc/ld.so.preload names is loaded into every program that starts, root’s too: most rootkits of user space live ' +
    'from it. Distributions do not have the file.',
  next: [
    'Read the file with extract, and the library that it names',
    'See in libraries which processes have the library already',
  ],
  tactic: 'persistence',
  attack: ['T1574.006'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files), mounts: need(mounts), info: need(info), containers: need(containers) },
  *find(tables) {
    const changed = [...changedFiles(tables, PRELOAD)]
    for (const { file, path, container } of changed) yield found(container, path, file, 'high')
    const known = new Set<unknown>(changed.map(({ file }) => file))
    for (const file of tables.files.where('path', '/etc/ld.so.preload')) {
      const there =
        file.type === 'file' && file.deleted !== true && file.mount_id !== null && Number(file.size ?? 0) > 0
      // Of a container the file of its upper layer was told already.
      if (there && !known.has(file) && !changed.some(({ container }) => container === file.container))
        yield found(file.container, '/etc/ld.so.preload', file, 'medium')
    }
    for (const { file, path, container } of changedFiles(tables, SEARCH)) yield found(container, path, file, 'low')
  },
})

interface FileRow {
  readonly modified: string | null
}

function found(container: string | null, path: string, file: FileRow, severity: 'low' | 'medium' | 'high') {
  const summary = `${quote(path)} was written at ${file.modified ?? 'an unknown time'}`
  return { about: { container }, severity, summary, evidence: [file] }
}
