import { declaredMounts, defineRule, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import mounts from '../../files/mounts.js'

export default defineRule({
  name: 'fuse-in-container',
  title: 'A container mounted a file system that one of its own programs serves',
  means:
    'Who serves a file system decides how long whoever reads it waits: exploits stretch races in the kernel so. Clients of ' +
    'remote storage mount it so as well.',
  next: [
    'See in open-files who has /dev/fuse open',
    'Look in kernel-log for oopses, and in credentials for new rights',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1068'],
  severity: 'low',
  confidence: 'low',
  reads: { mounts: need(mounts), containers: need(containers) },
  *find({ mounts, containers }, known) {
    for (const mount of mounts.rows) {
      if (mount.container === null || mount.target === null || !/^fuse(?:blk)?(?:\.|$)/.test(mount.type ?? '')) continue
      const container = containers.where('id', mount.container)[0]
      const declared = declaredMounts(container?.mounts)
      // What comes from the host, as lxcfs does, was declared.
      if (container === undefined || declared === null || known.byDesign(mount.container) !== null) continue
      const below = declared.some(({ target }) => target !== null && `${mount.target}/`.startsWith(`${target}/`))
      if (below) continue
      yield {
        about: { container: mount.container, pid: container.init_pid },
        summary: `It mounted ${quote(mount.source)}, of type ${quote(mount.type)}, at ${quote(mount.target)}`,
        evidence: [mount, container],
      }
    }
  },
})
