import { defineRule, isRuntimeSocket, need, quote } from 'salvor'
import mounts from '../../files/mounts.js'

export default defineRule({
  name: 'runtime-socket-mounted',
  title: 'A container that has the socket of a container engine',
  means:
    'By this socket it can have the engine start a container with the whole host in it. Build tools and monitors are ' +
    'given it; that alone is no sign that somebody used it.',
  next: [
    'See in sockets who of the container is connected to the engine',
    'Look for containers that were started by it',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  kubernetes: ['MS-TA9013'],
  severity: 'low',
  confidence: 'high',
  reads: { mounts: need(mounts) },
  *find({ mounts }, known) {
    for (const mount of mounts.rows) {
      if (mount.container === null || !isRuntimeSocket(mount.root)) continue
      yield {
        about: { container: mount.container, pid: known.container(mount.container)?.init_pid ?? null },
        severity: known.byDesign(mount.container) === null ? 'low' : 'info',
        summary: `It has ${quote(mount.root)} mounted at ${quote(mount.target)}`,
        evidence: [mount],
      }
    }
  },
})
