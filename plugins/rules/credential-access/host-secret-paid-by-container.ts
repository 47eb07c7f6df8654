import { append, defineRule, need, quote } from 'salvor'
import filePayers from '../../memory/file-payers.js'

/** Passwords and keys of the host's users, of the node and of its control plane, as the host has them. */
const SECRETS =
  /^\/etc\/(?:shadow|gshadow|krb5\.keytab)-?$|^\/etc\/(?:ssh\/ssh_host_\w+_key|ssl\/private\/.+)$|^\/etc\/kubernetes\/(?:[\w-]+\.conf|pki\/.+\.key)$|^\/var\/lib\/kubelet\/(?:pki\/.+|kubeconfig|bootstrap-kubeconfig)$|^\/(?:etc|var\/lib)\/rancher\/(?:k3s|rke2)\/(?:(?:k3s|rke2)\.yaml|server\/(?:cred|tls|token).*)$|^\/(?:root|home\/[^/]+)\/\.(?:ssh\/(?!known_hosts|config$|authorized_keys|.+\.pub$).+|kube\/config|docker\/config\.json|aws\/credentials|config\/gcloud\/.+|azure\/.+|netrc|git-credentials|pgpass|(?:bash|zsh|mysql|psql|python)_history)$/
/** Files that are named of one container. */
const MOST_NAMED = 5

export default defineRule({
  name: 'host-secret-paid-by-container',
  title: 'A container has read secrets of its host',
  means:
    'The kernel charges a page of a file to whoever is the first to read it. Pages of a file with passwords or keys of the ' +
    'host are charged to a container: a process of it has read the file, whether or not it has it open now or still runs.',
  next: [
    'Replace the keys and passwords that the files hold',
    'See in mounts and drift how the container reached the files of the host',
    'Look in file-payers for what else of the host it has read',
    'Write the files out with extract, to see what was read',
  ],
  tactic: 'credential-access',
  attack: ['T1552.001', 'T1003.008', 'T1611'],
  kubernetes: ['MS-TA9013'],
  severity: 'high',
  confidence: 'medium',
  reads: { payers: need(filePayers) },
  *find({ payers }, known) {
    const read = new Map<string, (typeof payers.rows)[number][]>()
    for (const row of payers.where('on_host', true)) {
      if (row.container === null || row.path === null || !SECRETS.test(row.path)) continue
      if (known.byDesign(row.container) === null) append(read, row.container, row)
    }
    for (const rows of read.values()) {
      const [first] = rows
      if (first === undefined) continue
      const names = rows.slice(0, MOST_NAMED).map(({ path }) => quote(path))
      const more = rows.length > names.length ? ` and ${rows.length - names.length} more` : ''
      yield {
        about: first,
        summary: `it was the first to read ${names.join(', ')}${more} of the host`,
        evidence: rows.slice(0, 16),
      }
    }
  },
})
