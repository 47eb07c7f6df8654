import { defineRule, firstOfHost, need, quote } from 'salvor'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'time-namespace',
  title: 'A process with clocks of its own',
  means:
    'In its time namespace it sees another uptime than the host, and so do the times that it writes. Hardly anything but ' +
    'the moving of containers uses them.',
  next: ['Take start times that it shows or logs with care', 'See in process-tree who started it so'],
  tactic: 'defense-evasion',
  attack: ['T1036'],
  severity: 'medium',
  confidence: 'low',
  reads: { processes: need(processes) },
  *find({ processes }, known) {
    const host = firstOfHost(processes)
    if (host === undefined || host.time_ns === null) return
    for (const process of processes.rows) {
      if (process.time_ns === null || process.time_ns === host.time_ns) continue
      const first = known.container(process.container)?.init_pid ?? null
      const given = first !== null && processes.where('pid', first)[0]?.time_ns === process.time_ns
      yield {
        about: process,
        severity: given ? 'low' : 'medium',
        summary: `${quote(process.args)} is in a time namespace of ${given ? 'its container' : 'its own'}`,
        evidence: [process],
      }
    }
  },
})
