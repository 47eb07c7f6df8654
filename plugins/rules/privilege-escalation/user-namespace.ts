import { defineRule, firstOfHost, need, quote } from 'salvor'
import credentials from '../../processes/credentials.js'
import processes from '../../processes/processes.js'

/** What who makes such a namespace has in it; the sandboxes of browsers keep only the first. */
const ALL_RIGHTS = ['CAP_SYS_ADMIN', 'CAP_SETUID', 'CAP_DAC_OVERRIDE']

export default defineRule({
  name: 'user-namespace',
  title: 'A process made a user namespace of its own and has all rights in it',
  means:
    'In it a process has all capabilities and reaches code of the kernel that is closed to it otherwise: exploits begin ' +
    'so. Sandboxes of browsers do too, but with a filter of system calls.',
  next: [
    'See in process-tree who made it, and in mounts what it mounted',
    'See in credentials whether one of its children is root of the host',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611', 'T1068'],
  severity: 'medium',
  confidence: 'low',
  reads: { processes: need(processes), credentials: need(credentials) },
  *find({ processes, credentials }, known) {
    const host = firstOfHost(processes)
    if (host === undefined || host.user_ns === null) return
    for (const process of processes.rows) {
      if (process.user_ns === null || process.user_ns === host.user_ns) continue
      const first = known.container(process.container)?.init_pid ?? null
      const own = first === null ? host.user_ns : (processes.where('pid', first)[0]?.user_ns ?? process.user_ns)
      const held = credentials.where('pid', process.pid)[0]
      if (process.user_ns === own || held === undefined) continue
      // What has given up its rights or filters its calls is a sandbox. Elsewhere root alone counts: others have rootless engines.
      if (!ALL_RIGHTS.every((right) => held.cap_effective?.includes(right))) continue
      if (held.seccomp === 'filter' && process.container === null) continue
      if (process.container === null && (held.uid !== 0 || held.no_new_privs !== false)) continue
      yield {
        about: process,
        summary: `${quote(process.args)} is in a user namespace of its own with all rights there`,
        evidence: [process, held],
      }
    }
  },
})
