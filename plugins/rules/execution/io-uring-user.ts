import { defineRule, entryOf, isInstalled, isOddPlace, mayBeOrphan, need, quote } from 'salvor'
import ioUring from '../../processes/io-uring.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'io-uring-user',
  title: 'A program that is not installed works by io_uring',
  means:
    'What is done by io_uring is no system call: tools that watch these do not see it open, read or connect. Databases and ' +
    'runtimes use it to be fast; a program from elsewhere may use it to be unseen.',
  next: [
    'See in io-uring which operations it did last and which files it registered',
    'Write the program to a file with elf-dump and hash it',
  ],
  tactic: 'execution',
  attack: ['T1106', 'T1562.001'],
  severity: 'medium',
  confidence: 'medium',
  reads: { rings: need(ioUring), processes: need(processes) },
  *find({ rings, processes }, known) {
    const told = new Set<unknown>()
    for (const ring of rings.rows) {
      const process = ring.pid === null ? undefined : processes.where('pid', ring.pid)[0]
      if (process === undefined || told.has(ring.pid)) continue
      const { exe, container } = process
      if (exe === null) continue
      const strange = container === null ? !isInstalled(exe) : isOddPlace(exe)
      const entry = entryOf(processes, process, known)
      if (!strange && (entry === null || mayBeOrphan(processes, entry))) continue
      told.add(ring.pid)
      yield {
        about: process,
        severity: isOddPlace(exe) ? 'high' : 'medium',
        summary: `${quote(process.args)} from ${quote(exe)} has an io_uring that took ${ring.total ?? 'an unknown number of'} operations`,
        evidence: [ring, process],
      }
    }
  },
})
