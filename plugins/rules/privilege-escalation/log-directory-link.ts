import { defineRule, need, quote } from 'salvor'
import files from '../../files/files.js'

export default defineRule({
  name: 'log-directory-link',
  title: 'A link below the host’s logs leads to the root of its file system',
  means:
    'The kubelet shows what lies below /var/log to who may read logs, and follows links as root: with this one it shows ' +
    'every file of the node.',
  next: [
    'See which pod has /var/log mounted in mounts',
    'Look for requests to the kubelet in sockets and connections-tracked',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  kubernetes: ['MS-TA9013'],
  severity: 'high',
  confidence: 'medium',
  reads: { files: need(files) },
  *find({ files }) {
    for (const file of files.where('type', 'symlink')) {
      // The length of a link is that of what it names: only / has one.
      if (!file.path?.startsWith('/var/log/') || file.mount_id === null || Number(file.size ?? 0) !== 1) continue
      if (file.deleted === true) continue
      yield { summary: `${quote(file.path)} leads to the root directory`, evidence: [file] }
    }
  },
})
