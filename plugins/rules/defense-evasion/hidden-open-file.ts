import { defineRule, isOddPlace, need, quote } from 'salvor'
import openFiles from '../../files/open-files.js'

export default defineRule({
  name: 'hidden-open-file',
  title: 'A file with a hidden name was deleted and is still open',
  means:
    'Its name is gone for everybody, and its contents stay for who has it open: stores of stolen data and dropped ' +
    'programs are kept so. Databases delete temporary files as well, but do not hide their names.',
  next: [
    'Write its contents out with extract --of-process, and see what they are',
    'See in process-tree and libraries what the process is that holds it',
  ],
  tactic: 'defense-evasion',
  attack: ['T1564.001', 'T1070.004'],
  severity: 'medium',
  confidence: 'medium',
  reads: { openFiles: need(openFiles) },
  *find({ openFiles }) {
    for (const file of openFiles.where('deleted', true)) {
      const name =
        file.path
          ?.replace(/ \(deleted\)$/, '')
          .split('/')
          .at(-1) ?? ''
      if (file.type !== 'file' || !/^\.[^.]/.test(name) || !isOddPlace(file.path)) continue
      yield {
        about: file,
        summary: `It has ${quote(file.path)} open, of ${file.size ?? 'unknown'} bytes`,
        evidence: [file],
      }
    }
  },
})
