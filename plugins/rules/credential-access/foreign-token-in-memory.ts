import { append, defineRule, need, quote } from 'salvor'
import secrets from '../../containers/secrets.js'

export default defineRule({
  name: 'foreign-token-in-memory',
  title: 'A service-account token of another pod is in the memory of a process',
  means:
    'The token was made for one pod and stands in the memory of another’s process. A program that checks tokens of others ' +
    'has them there too; any other was given it, or has taken it.',
  next: [
    'Find out whether the program checks tokens for others: an API server, a proxy, an authenticating webhook',
    'If it does not, take the account’s rights away, or delete the pod that the token is for: that ends the token',
    'Look in the audit log of the API server for what was asked in the account’s name, and from where',
    'Write the process out with process-dump',
  ],
  tactic: 'credential-access',
  attack: ['T1528'],
  kubernetes: ['MS-TA9016'],
  severity: 'medium',
  confidence: 'medium',
  reads: { secrets: need(secrets) },
  *find({ secrets }, known) {
    const found = new Map<string, (typeof secrets.rows)[number][]>()
    for (const secret of secrets.where('foreign', true)) {
      if (secret.where !== 'memory' || secret.container === null || known.byDesign(secret.container) !== null) continue
      append(found, JSON.stringify([secret.fingerprint, secret.container]), secret)
    }
    for (const rows of found.values()) {
      const [first] = rows
      if (first === undefined) continue
      const processes = new Set(rows.map(({ pid }) => pid)).size
      const others = processes > 1 ? ` and of ${processes - 1} more of its container` : ''
      yield {
        about: first,
        summary: `the token of ${quote(first.owner_pod)}, account ${quote(first.owner_account)}, is in the memory of ${quote(first.comm)}${others}`,
        evidence: rows.slice(0, 16),
      }
    }
  },
})
