import { declaredMounts, defineRule, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import mounts from '../../files/mounts.js'

/** File systems by which the kernel is told what to do. */
const INTERFACES = new Set([
  'proc',
  'sysfs',
  'cgroup',
  'cgroup2',
  'debugfs',
  'tracefs',
  'securityfs',
  'devtmpfs',
  'configfs',
])
/** Where engines mount them, and systemd in a container does. */
const USUAL = /^\/(?:proc|sys|dev)(?:\/|$)/

export default defineRule({
  name: 'kernel-interface-mounted',
  title: 'A container that mounted an interface of the kernel at a place of its own',
  means:
    'The file systems cgroup, proc or sysfs, mounted again, writable, are how release_agent and core_pattern are reached from a container. ' +
    'Nobody declared it: it was mounted from inside.',
  next: [
    'See in cgroups and kernel-settings whether release_agent or core_pattern was set',
    'Look for who mounted it in process-tree and shell-history of the container',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'high',
  confidence: 'medium',
  reads: { mounts: need(mounts), containers: need(containers) },
  *find({ mounts, containers }) {
    for (const mount of mounts.rows) {
      if (mount.container === null || !INTERFACES.has(mount.type ?? '') || mount.target === null) continue
      if (USUAL.test(mount.target) || !mount.options?.split(',').includes('rw')) continue
      const container = containers.where('id', mount.container)[0]
      const declared = declaredMounts(container?.mounts)
      if (container === undefined || declared === null) continue
      const below = declared.some(
        ({ target }) => target !== null && target !== '/' && `${mount.target}/`.startsWith(`${target}/`),
      )
      if (below) continue
      yield {
        about: { container: mount.container, pid: container.init_pid },
        summary: `It mounted ${quote(mount.type)} at ${quote(mount.target)}, writable`,
        evidence: [mount, container],
      }
    }
  },
})
