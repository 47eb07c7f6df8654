import { defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'
import credentials from '../../processes/credentials.js'

export default defineRule({
  name: 'unconfined-container',
  title: 'A container without a filter of system calls',
  means:
    'More of the kernel is open to it than Docker leaves open by default. Kubernetes sets no filter unless it is told to: ' +
    'that alone is no sign of anything.',
  next: ['Read what else findings say of the container before giving this weight'],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'info',
  confidence: 'high',
  reads: { containers: need(containers), credentials: need(credentials) },
  *find({ containers, credentials }) {
    for (const container of containers.where('seccomp', 'disabled')) {
      if (container.init_pid === null || container.privileged === true || container.kind === 'sandbox') continue
      const held = credentials.where('pid', container.init_pid)[0]
      const label = held?.label === 'unconfined' ? ', and AppArmor does not confine it' : ''
      yield {
        about: { container: container.id, pid: container.init_pid, comm: held?.comm ?? null },
        summary: `Its system calls are not filtered${label}`,
        evidence: [container, ...(held === undefined ? [] : [held])],
      }
    }
  },
})
