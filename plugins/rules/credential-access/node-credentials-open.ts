import { defineRule, need, quote } from 'salvor'
import containers from '../../containers/containers.js'
import openFiles from '../../files/open-files.js'
import processes from '../../processes/processes.js'

/** Keys by which a node and its control plane are known, and what pods were given. */
const CREDENTIALS =
  /\/etc\/kubernetes\/(?:(?:super-)?admin|kubelet|bootstrap-kubelet|controller-manager|scheduler)\.conf$|\/etc\/kubernetes\/pki\/.*\.key$|\/var\/lib\/kubelet\/pki\/|\/etc\/rancher\/(?:k3s|rke2)\/(?:k3s|rke2)\.yaml$|\/var\/lib\/rancher\/k3s\/server\/(?:cred|tls)\//
const OF_POD = /\/var\/lib\/kubelet\/pods\/([0-9a-f-]{32,36})\/volumes\/kubernetes\.io~(?:projected|secret)\//

export default defineRule({
  name: 'node-credentials-open',
  title: 'A process of a container has credentials of the node or of another pod open',
  means:
    'With them it can act as the node, as an administrator or as that pod. They are reached by the host’s files only.',
  next: ['Replace these credentials', 'Look in the audit log of the API server for who used them, and from where'],
  tactic: 'credential-access',
  attack: ['T1552.001', 'T1528'],
  kubernetes: ['MS-TA9016'],
  severity: 'high',
  confidence: 'medium',
  reads: { files: need(openFiles), containers: need(containers), processes: need(processes) },
  *find({ files, containers, processes }, known) {
    for (const file of files.where('type', 'file')) {
      if (file.container === null || file.path === null || known.byDesign(file.container) !== null) continue
      const container = containers.where('id', file.container)[0]
      const pod = OF_POD.exec(file.path)?.[1] ?? null
      const isAnother = pod !== null && pod.replaceAll('-', '') !== container?.pod_uid?.replaceAll('-', '')
      if (!isAnother && !CREDENTIALS.test(file.path)) continue
      yield {
        about: file,
        summary: `${quote(file.comm)} has ${quote(file.path)} open`,
        evidence: [file, ...processes.where('pid', file.pid), ...(container === undefined ? [] : [container])],
      }
    }
  },
})
