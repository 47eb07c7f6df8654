import { defineRule, need, quote } from 'salvor'
import files from '../../files/files.js'
import processes from '../../processes/processes.js'

/** Clocks of other hosts that files come from may be ahead by so much, in milliseconds. */
const AHEAD = 2 * 86_400_000
/** Where the clock of the host is wrong all files are from the future. */
const MOST = 20

export default defineRule({
  name: 'file-from-the-future',
  title: 'A program was last changed later than anything that happened on the host',
  means: 'Its time was set by hand, to deceive who looks for what is new, or its clock was wrong where it was made.',
  next: ['Compare with when it was made, and when its inode changed, in files', 'Extract the file and hash it'],
  tactic: 'defense-evasion',
  attack: ['T1070.006'],
  severity: 'medium',
  confidence: 'low',
  reads: { files: need(files), processes: need(processes) },
  *find({ files, processes }) {
    const starts = processes.rows.map(({ started }) => Date.parse(started ?? '')).filter((time) => !Number.isNaN(time))
    if (starts.length === 0) return
    const last = starts.reduce((one, other) => Math.max(one, other))
    const found = files.where('type', 'file').filter((file) => {
      const isProgram = file.mode?.[3] === 'x' || file.mode?.[3] === 's'
      return isProgram && file.deleted !== true && Date.parse(file.modified ?? '') > last + AHEAD
    })
    if (found.length > MOST) return
    for (const file of found) {
      yield {
        about: { container: file.container },
        summary: `${quote(file.path)} was changed at ${file.modified}`,
        evidence: [file],
      }
    }
  },
})
