import { defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'

/** What leads out of a container, by what each lets a process do (capabilities(7)). */
const LEAD_OUT = new Set([
  'CAP_SYS_ADMIN',
  'CAP_SYS_MODULE',
  'CAP_SYS_PTRACE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_BOOT',
  'CAP_DAC_READ_SEARCH',
  'CAP_BPF',
  'CAP_PERFMON',
  'CAP_MAC_ADMIN',
  'CAP_MAC_OVERRIDE',
  'CAP_SYSLOG',
  'CAP_CHECKPOINT_RESTORE',
])

export default defineRule({
  name: 'excess-capabilities',
  title: 'A container with capabilities that lead out of it',
  means:
    'It was given rights over the whole host, such as to mount file systems or load modules, without being privileged.',
  next: ['See who needs them, and what else findings say of the container'],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'low',
  confidence: 'high',
  reads: { containers: need(containers) },
  *find({ containers }, known) {
    for (const container of containers.rows) {
      const excess = container.capabilities?.filter((capability) => LEAD_OUT.has(capability)) ?? []
      // An exited container can do nothing any more, and a privileged one is told by a rule of its own.
      if (excess.length === 0 || container.privileged === true || container.init_pid === null) continue
      yield {
        about: { container: container.id, pid: container.init_pid },
        severity: known.byDesign(container.id) === null ? 'low' : 'info',
        summary: `It may gain ${excess.join(', ')}`,
        evidence: [container],
      }
    }
  },
})
