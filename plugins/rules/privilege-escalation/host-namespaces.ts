import { defineRule, firstOfHost, need } from 'salvor'
import containers from '../../containers/containers.js'
import processes from '../../processes/processes.js'

const SHARED = { pid_ns: 'processes', net_ns: 'network', ipc_ns: 'IPC objects' } as const

export default defineRule({
  name: 'host-namespaces',
  title: 'A container that shares namespaces with the host',
  means:
    'It sees the processes, connections or shared memory of the host. That alone is no sign that somebody used it.',
  next: ['See who needs it so, and what else findings say of the container'],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'info',
  confidence: 'high',
  reads: { containers: need(containers), processes: need(processes) },
  *find({ containers, processes }) {
    const host = firstOfHost(processes)
    if (host === undefined) return
    for (const container of containers.rows) {
      // A sandbox only holds the namespaces of its pod: the containers are told of.
      if (container.init_pid === null || container.kind === 'sandbox') continue
      const first = processes.where('pid', container.init_pid)[0]
      if (first === undefined) continue
      const shared = (Object.keys(SHARED) as (keyof typeof SHARED)[]).filter(
        (namespace) => first[namespace] !== null && first[namespace] === host[namespace],
      )
      if (shared.length === 0) continue
      yield {
        about: first,
        summary: `It shares the host’s ${shared.map((namespace) => SHARED[namespace]).join(', ')}`,
        evidence: [container, first, host],
      }
    }
  },
})
