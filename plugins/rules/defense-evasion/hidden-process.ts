import { defineRule, missingFrom, need, quote } from 'salvor'
import info from '../../image/info.js'
import processes from '../../processes/processes.js'

/** Longer than taking an image of memory takes, in milliseconds: what is as old was on its lists all the while. */
const SETTLED = 600_000

/** Where memory was taken while the host ran, what came or went meanwhile is on one list only: so is what was hidden. */
const doubtful = (settled: boolean) => ({
  severity: settled ? ('medium' as const) : ('low' as const),
  confidence: 'low' as const,
})

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
    const isTorn = info.rows[0]?.torn !== false
    const last = processes.rows.reduce((time, { started }) => Math.max(time, Date.parse(started ?? '') || 0), 0)
    // A process that is just ending leaves one list after the other (kernel/exit.c).
    const living = processes.rows.filter(({ state }) => state !== 'X' && state !== 'Z')
    for (const { row: process, views } of missingFrom(living, ['task list', 'pid IDR'])) {
      const settled = Date.parse(process.started ?? '') < last - SETTLED
      const missing = `${quote(process.args?.length ? process.args : process.comm)} is missing in the ${views.join(' and the ')}`
      yield {
        about: process,
        ...(isTorn ? doubtful(settled) : {}),
        summary: isTorn && !settled ? `${missing}, or came or went while memory was taken` : missing,
        evidence: [process],
      }
    }
  },
})
