import { defineRule, need, quote, runtimeCopy } from 'salvor'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'

/** A file of memfd_create, as the kernel names it (mm/memfd.c); file systems that live in memory. */
const IN_MEMORY = /^\/?memfd:|^\/dev\/shm\/|^\/run\/shm\//

export default defineRule({
  name: 'fileless-execution',
  title: 'A program runs from memory and was never a file on disk',
  means:
    'The program was put into memory by another and started from there, so that no file of it is left behind. A runtime that ' +
    'starts a container runs from a copy of itself: one that nobody can change and that has every byte of the installed runtime ' +
    'is left out. Where pages of that runtime have left memory, and an installed engine started it, it is told as low.',
  next: [
    'Write the program to a file with elf-dump and hash it',
    'See who started it in process-tree, and what it has open and connected',
  ],
  tactic: 'defense-evasion',
  attack: ['T1620'],
  severity: 'high',
  confidence: 'high',
  reads: { processes: need(processes), programs: need(memoryPrograms) },
  *find({ processes, programs }) {
    for (const process of processes.rows) {
      if (!IN_MEMORY.test(process.exe ?? '')) continue
      const copy = runtimeCopy(processes, programs, process)
      if (copy === 'whole') continue
      const own = programs.where('pid', process.pid)
      const [{ copy_of = null, compared = null } = {}] = own
      const like =
        copy === null ? '' : `, of which the ${compared} bytes that are in memory of ${quote(copy_of)} are the same`
      yield {
        about: process,
        severity: copy === null ? 'high' : 'low',
        summary: `${quote(process.args)} runs from ${quote(process.exe)}${like}`,
        evidence: [process, ...own],
      }
    }
  },
})
