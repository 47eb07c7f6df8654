import { defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'

export default defineRule({
  name: 'privileged-container',
  title: 'A container that was started privileged',
  means:
    'It has all capabilities and all devices of the host, and nothing filters its system calls: whoever runs code in it ' +
    'can take over the host. That alone is no sign that somebody did.',
  next: [
    'See who needs it so, and what else findings say of it',
    'Look for processes of it that left it: namespace-escape',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  kubernetes: ['MS-TA9018'],
  severity: 'low',
  confidence: 'high',
  reads: { containers: need(containers) },
  *find({ containers }, known) {
    for (const container of containers.where('privileged', true)) {
      const reason = known.byDesign(container.id)
      yield {
        about: { container: container.id, pid: container.init_pid },
        severity: reason === null ? 'low' : 'info',
        summary: `It was started privileged${reason === null ? '' : `, by design: ${reason}`}`,
        evidence: [container],
      }
    }
  },
})
