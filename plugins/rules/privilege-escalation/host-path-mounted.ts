import { declaredMounts, defineRule, givesNodeAway, need, quote } from 'salvor'
import containers from '../../containers/containers.js'

/** Files that engines themselves make for each container. */
const MADE_FOR_IT = /\/(?:hostname|hosts|resolv\.conf|etc-hosts|termination-log|secrets|shm)$/

export default defineRule({
  name: 'host-path-mounted',
  title: 'A container that can write where the host keeps programs, settings or secrets',
  means:
    'A directory of the host is mounted in it that leads to the host itself. Node agents need some of these; that alone ' +
    'is no sign that somebody used it.',
  next: ['See in files what of that directory was changed since the container started'],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  kubernetes: ['MS-TA9013'],
  severity: 'low',
  confidence: 'high',
  reads: { containers: need(containers) },
  *find({ containers }, known) {
    for (const container of containers.rows) {
      if (container.init_pid === null) continue
      for (const { source, target, options } of declaredMounts(container.mounts) ?? []) {
        if (!givesNodeAway(source) || MADE_FOR_IT.test(source)) continue
        const readOnly = options.includes('ro')
        if (readOnly && source !== '/') continue
        yield {
          about: { container: container.id, pid: container.init_pid },
          severity: readOnly || known.byDesign(container.id) !== null ? 'info' : 'low',
          summary: `It has ${quote(source)} of the host at ${quote(target)}${readOnly ? ', read-only' : ''}`,
          evidence: [container],
        }
      }
    }
  },
})
