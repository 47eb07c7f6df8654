import { capture, checkpoints, clusterRecords, protectNodes } from '../kubernetes.js'
import { joined } from '../plan.js'
import type { Target } from './target.js'

export const kubernetes: Target = {
  name: 'kubernetes',
  summary: 'a node, or several, of any cluster; pods by the kubelet’s checkpoints',
  takes: ['node', 'pod', 'image', 'to', 'role', 'region', 'namespace', 'no-compress', 'avml-sha256'],
  needs: [['node'], ['image'], ['to']],
  plan: (request) =>
    joined(`Kubernetes: ${request.nodes.join(', ')}`, [
      protectNodes(request),
      capture(request),
      checkpoints(request),
      clusterRecords(request),
    ]),
}
