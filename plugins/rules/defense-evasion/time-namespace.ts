import { defineRule, firstOfHost, need, quote } from 'salvor'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'time-namespace',
  title: 'A process has a clock of its own',
  means:
    'In a time namespace the time since boot is another one: what measures how long something runs is misled. Container ' +
    'engines do not make one; restored checkpoints have them.',
  next: ['See in process-tree who made it', 'Take no times of its own records for the host’s'],
  tactic: 'defense-evasion',
  attack: ['T1480', 'T1564'],
  severity: 'medium',
  confidence: 'low',
  reads: { processes: need(processes) },
  *find({ processes }, known) {
    const host = firstOfHost(processes)
    if (host === undefined || host.time_ns === null) return
    for (const process of processes.rows) {
      if (process.time_ns === null || process.time_ns === host.time_ns) continue
      const first = known.container(process.container)?.init_pid ?? null
      // A container that was restored from a checkpoint has one as a whole.
      if (first !== null && processes.where('pid', first)[0]?.time_ns === process.time_ns) continue
      yield { about: process, summary: `${quote(process.args)} is in a time namespace of its own`, evidence: [process] }
    }
  },
})
