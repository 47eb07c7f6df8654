import { append, defineRule, need, quote } from 'salvor'
import secrets from '../../containers/secrets.js'

/** Where the host, its users and its node agents keep keys of their own. */
const OF_HOST =
  /^\/(?:etc\/(?:kubernetes|ssh|ssl\/private|rancher|docker)\/|var\/lib\/(?:kubelet\/(?:pki\/|config\.json$|kubeconfig$)|rancher\/)|(?:root|home\/[^/]+)\/\.(?:ssh|kube|docker|aws)\/)/
/** Rows that a finding names. */
const MOST = 16

export default defineRule({
  name: 'node-key-in-container',
  title: 'A key out of a file of the host is in a process of a container',
  means:
    'The same key stands in a file of the host and in the memory, environment or arguments of a process of a container: it ' +
    'was read from the host, and with it the node or one of its users can be impersonated.',
  next: [
    'Replace the key, and look for logins with it in the audit log of the API server and in ssh-sessions',
    'See how the container reaches files of the host: exposure, and mounts',
  ],
  tactic: 'credential-access',
  attack: ['T1552.004', 'T1552.001'],
  kubernetes: ['MS-TA9016'],
  severity: 'high',
  confidence: 'medium',
  reads: { secrets: need(secrets) },
  *find({ secrets }, known) {
    const files = secrets.where('where', 'file').filter(({ path }) => path !== null && OF_HOST.test(path))
    const byKey = new Map(files.map((file) => [file.fingerprint, file]))
    const found = new Map<string, (typeof secrets.rows)[number][]>()
    for (const secret of secrets.rows) {
      if (secret.where === 'file' || secret.where === 'declaration' || secret.fingerprint === null) continue
      if (secret.container === null || known.byDesign(secret.container) !== null) continue
      if (byKey.has(secret.fingerprint)) append(found, `${secret.container} ${secret.fingerprint}`, secret)
    }
    for (const rows of found.values()) {
      const [first] = rows
      const file = byKey.get(first?.fingerprint ?? null)
      if (first === undefined || file === undefined) continue
      yield {
        about: first,
        summary: `${quote(first.comm)} has the ${quote(file.kind)} of ${quote(file.path)} in its ${first.where}`,
        evidence: [file, ...rows.slice(0, MOST)],
      }
    }
  },
})
