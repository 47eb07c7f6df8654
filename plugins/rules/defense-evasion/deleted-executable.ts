import { defineRule, isInstalled, isOddPlace, need, programPath, quote } from 'salvor'
import processes from '../../processes/processes.js'

const GONE = / \(deleted\)$/
/** A file of memfd_create never had a name; that has a rule of its own. */
const IN_MEMORY = /^\/?memfd:/

export default defineRule({
  name: 'deleted-executable',
  title: 'A program runs whose file has been deleted',
  means:
    'Intruders delete their program once it runs, so that no file is left to find. An upgrade of a package does so too, ' +
    'with programs that are installed.',
  next: [
    'Write the program to a file with elf-dump and hash it',
    'Look in files and timeline for what else was made at that time',
  ],
  tactic: 'defense-evasion',
  attack: ['T1070.004'],
  severity: 'medium',
  confidence: 'high',
  reads: { processes: need(processes) },
  *find({ processes }) {
    for (const process of processes.rows) {
      const { exe } = process
      if (exe === null || !GONE.test(exe) || IN_MEMORY.test(exe)) continue
      const installed = isInstalled(exe)
      yield {
        about: process,
        severity: isOddPlace(exe) ? 'high' : installed && process.container === null ? 'low' : 'medium',
        confidence: installed ? 'low' : 'high',
        summary: `${quote(process.args)} runs from ${quote(programPath(exe))}, which is deleted`,
        evidence: [process],
      }
    }
  },
})
