import { defineRule, need, quote } from 'salvor'
import mounts from '../../files/mounts.js'

/** What engines cover or make read-only in /proc and /sys (the defaults of Docker, containerd and CRI-O). */
const MASKED =
  /^\/proc\/(?:asound|acpi|interrupts|kcore|keys|latency_stats|timer_list|timer_stats|sched_debug|scsi)$|^\/sys\/(?:firmware|devices\/virtual\/powercap)$/
const READ_ONLY = /^\/proc\/(?:bus|fs|irq|sys|sysrq-trigger)$/
/** Kinds that a cover may be of: /dev/null of the container, or an empty directory in memory. */
const COVERS = new Set(['tmpfs', 'devtmpfs'])

export default defineRule({
  name: 'masked-path-replaced',
  title: 'What should cover a path of /proc or /sys in a container is something else',
  means:
    'Engines cover files that lead to the host with /dev/null or an empty directory. Here another file is in that place, ' +
    'or it can be written to: so flaws of runc were exploited (CVE-2025-31133, CVE-2025-52565).',
  next: [
    'See in mounts what is there instead: core_pattern or sysrq-trigger give the host away',
    'Look at kernel-settings for a core_pattern that was changed',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'critical',
  confidence: 'medium',
  reads: { mounts: need(mounts) },
  *find({ mounts }, known) {
    for (const mount of mounts.rows) {
      if (mount.container === null || mount.target === null || mount.root === null || mount.type === null) continue
      const wrong = whatIsWrong(mount.target, mount.root, mount.type, mount.options)
      if (wrong === null) continue
      yield {
        about: { container: mount.container, pid: known.container(mount.container)?.init_pid ?? null },
        summary: `At ${quote(mount.target)} ${wrong}`,
        evidence: [mount],
      }
    }
  },
})

function whatIsWrong(target: string, root: string, type: string, options: string | null): string | null {
  if (MASKED.test(target)) {
    if (COVERS.has(type) && (root === '/null' || root === '/')) return null
    return type === 'proc' || type === 'sysfs' ? `is ${quote(root)} of ${type} instead of a cover` : null
  }
  if (target === '/dev/console') return type === 'proc' || type === 'sysfs' ? `is ${quote(root)} of ${type}` : null
  if (!READ_ONLY.test(target) || type !== 'proc') return null
  if (root !== target.slice('/proc'.length)) return `is ${quote(root)} of proc`
  return options?.split(',').includes('rw') ? 'is what should be read-only, and can be written to' : null
}
