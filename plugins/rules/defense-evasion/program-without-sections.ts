import { defineRule, isDropped, isInstalled, need, quote } from 'salvor'
import elfFiles from '../../memory/elf-files.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'program-without-sections',
  title: 'A program that was packed, or made by no compiler',
  means:
    'Linkers give each program a table of sections, and stripping leaves it there; nothing needs it to run. Packers (UPX) ' +
    'and generators of small payloads make programs without one.',
  next: [
    'Write it out with elf-dump, which has it unpacked, and hash it',
    'See what it has open and connected, and who started it in process-tree',
  ],
  tactic: 'defense-evasion',
  attack: ['T1027.002'],
  severity: 'medium',
  confidence: 'medium',
  reads: { processes: need(processes), elf: need(elfFiles) },
  *find({ processes, elf }) {
    for (const process of processes.rows) {
      if (process.exe === null || process.kernel_thread !== false) continue
      const own = elf.where('pid', process.pid).find(({ path }) => path === process.exe)
      if (own === undefined || Number(own.sections ?? 1) !== 0 || own.type === 'core') continue
      yield {
        about: process,
        severity: isDropped(process.exe) ? 'high' : isInstalled(process.exe) ? 'low' : 'medium',
        summary: `${quote(process.exe)}, which ${quote(process.args)} runs, has no sections`,
        evidence: [process, own],
      }
    }
  },
})
