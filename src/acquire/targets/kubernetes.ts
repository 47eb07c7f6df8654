import { capture } from '../kubernetes/capture.js'
import { checkpoints } from '../kubernetes/checkpoints.js'
import { protectNodes } from '../kubernetes/protect.js'
import { clusterRecords } from '../kubernetes/records.js'
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
