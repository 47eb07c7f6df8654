import { changedFiles, defineRule, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'

const MANIFEST = /^\/etc\/kubernetes\/manifests\/([^/]+)$/
/** What kubeadm writes when a cluster is made or upgraded. */
const CONTROL_PLANE = /^(?:etcd|kube-apiserver|kube-controller-manager|kube-scheduler)\.yaml$/

export default defineRule({
  name: 'static-pod-changed',
  title: 'The manifest of a static pod was written since the start',
  means:
    'The kubelet runs what lies there without asking the API server: no admission, no policy and no audit log stands ' +
    'between, and the API server cannot delete it.',
  next: [
    'Read the manifest with extract: image, command, hostPath volumes and privileges',
    'See in containers and process-tree what runs of it',
  ],
  tactic: 'persistence',
  attack: ['T1543.005'],
  kubernetes: ['MS-TA9017'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files), mounts: need(mounts), info: need(info), containers: need(containers) },
  *find(tables) {
    for (const { file, path, container } of changedFiles(tables, MANIFEST)) {
      const [, name = ''] = MANIFEST.exec(path) ?? []
      if (container !== null) continue
      yield {
        severity: CONTROL_PLANE.test(name) ? 'low' : name.startsWith('.') ? 'high' : 'medium',
        summary: `${quote(path)} was written at ${file.modified}`,
        evidence: [file],
      }
    }
  },
})
