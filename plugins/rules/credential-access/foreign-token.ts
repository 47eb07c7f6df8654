import { append, defineRule, need, quote } from 'salvor'
import secrets from '../../containers/secrets.js'

export default defineRule({
  name: 'foreign-token',
  title: 'A service-account token is where it does not belong',
  means:
    'The token was made for one pod and stands in the environment or the arguments of another’s process, or in a file of ' +
    'its: somebody took it from where it was mounted, and can speak to the API server as that pod’s account.',
  next: [
    'Take the account’s rights away, or delete the pod that the token is for: that ends the token',
    'Look in the audit log of the API server for what was asked in the account’s name, and from where',
    'See in secrets where else the fingerprint stands, and in mounts how the token was reached',
    'Read shell-history and process-tree of the container that it was found in',
  ],
  tactic: 'credential-access',
  attack: ['T1528', 'T1552.007'],
  kubernetes: ['MS-TA9016'],
  severity: 'high',
  confidence: 'high',
  reads: { secrets: need(secrets) },
  *find({ secrets }) {
    const found = new Map<string, (typeof secrets.rows)[number][]>()
    for (const secret of secrets.where('foreign', true)) {
      // Servers that check tokens have them in memory.
      if (secret.where === 'memory') continue
      // All processes that a shell starts have what it exported.
      append(found, JSON.stringify([secret.fingerprint, secret.container, secret.pod, secret.where]), secret)
    }
    for (const rows of found.values()) {
      const [first] = rows
      if (first === undefined) continue
      const place = first.where === 'file' ? `the file ${quote(first.path)}` : `the ${first.where}`
      const processes = rows.length > 1 ? ` of ${rows.length} processes` : ''
      yield {
        about: first,
        summary: `the token of ${quote(first.owner_pod)}, account ${quote(first.owner_account)}, stands in ${place}${processes} of ${first.pod === null ? 'no pod' : quote(first.pod)}`,
        evidence: rows.slice(0, 16),
      }
    }
  },
})
