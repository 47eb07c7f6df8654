import { defineRule, lessIfTorn, need, quote } from 'salvor'
import info from '../../image/info.js'
import processes from '../../processes/processes.js'

const VIEWS = ['task list', 'pid IDR'] as const

export default defineRule({
  name: 'hidden-process',
  title: 'A process that was taken off a list of the kernel',
  means: 'The kernel keeps every process on all of its lists. A rootkit takes one off so that ps does not show it.',
  next: [
    'Write its memory with memory-dump and its program with elf-dump',
    'Look for what hides it: kernel-hooks, modules, bpf-programs',
    'Search for others with process-scan, which needs no list',
  ],
  tactic: 'defense-evasion',
  attack: ['T1014', 'T1564'],
  severity: 'critical',
  confidence: 'high',
  reads: { processes: need(processes), info: need(info) },
  *find({ processes, info }) {
    // A view that knows nobody could not be read, and says nothing of one process.
    const views = VIEWS.filter((view) => processes.rows.some(({ found_by }) => found_by?.includes(view)))
    for (const process of processes.rows) {
      const lacking = views.filter((view) => process.found_by !== null && !process.found_by.includes(view))
      // A process that is just ending leaves one list after the other (kernel/exit.c).
      if (lacking.length === 0 || process.state === 'X' || process.state === 'Z') continue
      yield {
        about: process,
        ...lessIfTorn(info),
        summary: `${quote(process.args?.length ? process.args : process.comm)} is missing in the ${lacking.join(' and the ')}`,
        evidence: [process],
      }
    }
  },
})
