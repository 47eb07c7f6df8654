import { defineRule, firstOfHost, isRuntimeStep, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import memoryPrograms from '../../processes/memory-programs.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'namespace-escape',
  title: 'A process of a container in the mounts of the host or of another container',
  means:
    'It is in the cgroup of a container, but not in the file system that the container has: it entered another one, ' +
    'as nsenter does, and reaches what the container does not.',
  next: [
    'See how it came there in process-tree, and what was typed in shell-history',
    'Look at what it and its children have open in open-files and changed in files',
    'Treat the host, or the other container, as taken over too',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'high',
  confidence: 'high',
  reads: { processes: need(processes), containers: need(containers), programs: need(memoryPrograms) },
  *find({ processes, containers, programs }, known) {
    const host = firstOfHost(processes)
    const firsts = containers.rows.flatMap(({ init_pid }) =>
      init_pid === null ? [] : processes.where('pid', init_pid).slice(0, 1),
    )
    const owners = new Map(firsts.map((first) => [first.mnt_ns, first]))
    if (host !== undefined && host.mnt_ns !== null) owners.set(host.mnt_ns, host)
    for (const process of processes.rows) {
      const pid = known.container(process.container)?.init_pid ?? null
      const first = pid === null ? undefined : processes.where('pid', pid)[0]
      const owner = process.mnt_ns === null ? undefined : owners.get(process.mnt_ns)
      if (first === undefined || first.mnt_ns === null || owner === undefined) continue
      // A first process in the host's mounts was started only to enter them: engines give each container its own.
      if (owner !== host && (process.mnt_ns === first.mnt_ns || owner === first)) continue
      if (isRuntimeStep(processes, programs, process)) continue
      const whose =
        owner === host ? 'the host' : `the container ${quote(known.container(owner.container)?.name ?? null)}`
      yield {
        about: process,
        summary: `${quote(process.args)} is of this container, and in the mounts of ${whose}`,
        evidence: [...new Set([process, first, owner])],
      }
    }
  },
})
