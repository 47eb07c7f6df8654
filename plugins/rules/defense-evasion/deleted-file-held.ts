import { defineRule, need, programPath, quote } from 'salvor'
import openFiles from '../../files/open-files.js'

/** A hidden name in a folder for temporary files. */
const HIDDEN = /^\/(?:var\/)?tmp\/(?:[^/]+\/)*\.[^/]+$/

export default defineRule({
  name: 'deleted-file-held',
  title: 'A hidden file for temporary data was deleted and is still in use',
  means:
    'It is in no directory any more, and its contents are kept as long as the process lives: a place for loot or for ' +
    'settings that no search of the disk finds.',
  next: ['Extract it with extract --deleted', 'See what the process is and what else it has open'],
  tactic: 'defense-evasion',
  attack: ['T1070.004', 'T1564.001'],
  severity: 'medium',
  confidence: 'low',
  reads: { files: need(openFiles) },
  *find({ files }) {
    for (const file of files.where('deleted', true)) {
      // Locks and semaphores are made so too, and hold nothing.
      if (file.type !== 'file' || Number(file.size ?? 0) === 0 || !HIDDEN.test(programPath(file.path))) continue
      yield {
        about: file,
        summary: `${quote(file.comm)} holds ${quote(programPath(file.path))}, which is deleted, with ${file.size} bytes`,
        evidence: [file],
      }
    }
  },
})
