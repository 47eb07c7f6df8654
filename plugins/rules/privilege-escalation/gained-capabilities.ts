import { defineRule, isRuntimeStep, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import credentials from '../../processes/credentials.js'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'gained-capabilities',
  title: 'A process of a container with capabilities that the container may not gain',
  means:
    'The kernel gives no process more than its bounds: it was started with more from outside (an exec with --privileged, ' +
    'nsenter), or its credentials were changed in the kernel.',
  next: [
    'See in process-tree who started it: an exec comes from the shim, nsenter from a shell',
    'Compare it with its parent in credentials: more than the parent had is an exploit’s doing',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1068', 'T1611'],
  severity: 'high',
  confidence: 'medium',
  reads: {
    credentials: need(credentials),
    processes: need(processes),
    containers: need(containers),
    programs: need(memoryPrograms),
  },
  *find({ credentials, processes, containers, programs }) {
    const host = credentials.where('pid', 1)[0]?.uid_map?.join() ?? null
    for (const container of containers.rows) {
      if (container.capabilities === null || container.privileged === true || container.init_pid === null) continue
      const may = new Set(container.capabilities)
      for (const held of credentials.where('container', container.id)) {
        // In a user namespace of its own a process has all capabilities, over that namespace alone.
        if (host === null || held.uid_map?.join() !== host) continue
        const gained = held.cap_effective?.filter((capability) => !may.has(capability)) ?? []
        const process = processes.where('pid', held.pid)[0]
        if (gained.length === 0 || process === undefined || isRuntimeStep(processes, programs, process)) continue
        yield {
          about: held,
          summary: `${quote(process.args)} has ${gained.slice(0, 4).join(', ')}${gained.length > 4 ? ` and ${gained.length - 4} more` : ''}`,
          evidence: [held, process, container],
        }
      }
    }
  },
})
