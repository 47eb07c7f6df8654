import { defineRule, need, quote } from 'salvor'
import credentials from '../../processes/credentials.js'

export default defineRule({
  name: 'shared-credentials',
  title: 'Processes have the very same credentials in the kernel',
  means:
    'Each process has credentials of its own; only code in the kernel gives one those of another, as rootkits and ' +
    'exploits do that point a process at root’s.',
  next: [
    'See which of them should not be root, and what it does in process-tree and open-files',
    'Look for what changed the kernel: kernel-hooks, modules, bpf-programs',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1068', 'T1014'],
  severity: 'critical',
  confidence: 'medium',
  reads: { credentials: need(credentials) },
  *find({ credentials }) {
    for (const held of credentials.rows) {
      if (held.address === null || Number(held.shared_with ?? 0) < 1) continue
      const others = credentials.where('address', held.address).filter(({ pid }) => pid !== held.pid)
      yield {
        about: held,
        summary: `${quote(held.comm)} has the credentials of ${others
          .slice(0, 3)
          .map(({ comm, pid }) => `${quote(comm)} (${pid})`)
          .join(', ')}`,
        evidence: [held, ...others.slice(0, 10)],
      }
    }
  },
})
