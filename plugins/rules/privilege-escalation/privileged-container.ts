import { defineRule, isDropped, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import processes from '../../processes/processes.js'

/** A file of memfd_create never was on a disk. */
const IN_MEMORY = /^\/?memfd:/

export default defineRule({
  name: 'privileged-container',
  title: 'A container that was started privileged',
  means:
    'It has all capabilities and all devices of the host, and nothing filters its system calls: whoever runs code in it ' +
    'can take over the host. That alone is no sign that somebody did; a program that was dropped into it is one.',
  next: [
    'See who needs it so, and what else findings say of it',
    'Look for processes of it that left it: namespace-escape',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  kubernetes: ['MS-TA9018'],
  severity: 'low',
  confidence: 'high',
  reads: { containers: need(containers), processes: need(processes) },
  *find({ containers, processes }, known) {
    for (const container of containers.where('privileged', true)) {
      const reason = known.byDesign(container.id)
      const dropped = processes
        .where('container', container.id)
        .find(({ exe }) => exe !== null && (isDropped(exe) || IN_MEMORY.test(exe)))
      const design = reason === null ? '' : `, by design: ${reason}`
      const runs = dropped === undefined ? '' : `, and runs ${quote(dropped.exe)}`
      yield {
        about: { container: container.id, pid: container.init_pid },
        severity: dropped !== undefined ? 'medium' : reason === null ? 'low' : 'info',
        summary: `It was started privileged${design}${runs}`,
        evidence: [container, ...(dropped === undefined ? [] : [dropped])],
      }
    }
  },
})
