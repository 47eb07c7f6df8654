import { defineRule, isEngine, isRuntimeStep, need, quote } from 'salvor'
import processes from '../../processes/processes.js'

/** A file of memfd_create, as the kernel names it (mm/memfd.c); file systems that live in memory. */
const IN_MEMORY = /^\/?memfd:|^\/dev\/shm\/|^\/run\/shm\//

export default defineRule({
  name: 'fileless-execution',
  title: 'A program runs from memory and was never a file on disk',
  means: 'The program was put into memory by another and started from there, so that no file of it is left behind.',
  next: [
    'Write the program to a file with elf-dump and hash it',
    'See who started it in process-tree, and what it has open and connected',
  ],
  tactic: 'defense-evasion',
  attack: ['T1620'],
  severity: 'high',
  confidence: 'high',
  reads: { processes: need(processes) },
  *find({ processes }) {
    for (const process of processes.rows) {
      if (!IN_MEMORY.test(process.exe ?? '') || isRuntimeStep(processes, process)) continue
      if (isEngine(processes, process)) continue
      yield {
        about: process,
        summary: `${quote(process.args)} runs from ${quote(process.exe)}`,
        evidence: [process],
      }
    }
  },
})
