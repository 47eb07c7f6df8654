import { defineRule, need, quote } from 'salvor'
import files from '../../files/files.js'

/** Names that look like those of every directory, or like nothing. */
const LIKE_NOTHING = /^\.{3,}$|^\.{1,2}\s{1,16}$|^\s{1,16}$/
/** Folders of programs, where a hidden one is out of place; and folders where everybody may write. */
const PROGRAMS = /^\/(?:usr\/(?:local\/)?)?s?bin\/\.[^/]+$|^\/boot\/\.[^/]+$/
const FOR_ALL = /^\/(?:tmp|var\/tmp|dev\/shm)\/(?:[^/]+\/)*\.[^/]+$/
/** Control characters, and those that turn the direction of writing. */
const DECEIVES = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u

export default defineRule({
  name: 'disguised-file',
  title: 'A file whose name hides it',
  means:
    'Its name looks like that of every directory, deceives a terminal, or hides a program where it is started from: few ' +
    'honest programs do so.',
  next: ['Extract the file and hash it', 'See in timeline what happened when it was made'],
  tactic: 'defense-evasion',
  attack: ['T1564.001'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files) },
  *find({ files }) {
    for (const file of files.rows) {
      if (file.path === null || file.mount_id === null || file.deleted === true) continue
      const how = disguise(file.path, file.type, file.mode)
      if (how === null) continue
      yield { about: { container: file.container }, summary: `${quote(file.path)} ${how}`, evidence: [file] }
    }
  },
})

function disguise(path: string, type: string | null, mode: string | null): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (LIKE_NOTHING.test(name)) return 'has a name that looks like none'
  if (DECEIVES.test(name)) return 'has a name that deceives a terminal'
  const runs = type === 'file' && mode?.includes('x') === true
  return runs && name.startsWith('.') && (PROGRAMS.test(path) || FOR_ALL.test(path)) ? 'is a hidden program' : null
}
