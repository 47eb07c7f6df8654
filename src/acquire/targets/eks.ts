import { cloudRecords, protection, snapshots } from '../aws.js'
import { capture } from '../kubernetes/capture.js'
import { checkpoints } from '../kubernetes/checkpoints.js'
import { protectNodes } from '../kubernetes/protect.js'
import { clusterRecords } from '../kubernetes/records.js'
import { joined } from '../plan.js'
import { kubernetes } from './kubernetes.js'
import type { Target } from './target.js'

export const eks: Target = {
  name: 'eks',
  summary: 'the same of EKS, with its instances, their disks and what AWS records',
  takes: [...kubernetes.takes, 'cluster', 'volume', 'log-group', 'flow-logs'],
  needs: [...kubernetes.needs, ['cluster']],
  plan: (request) =>
    joined(`EKS: ${request.nodes.join(', ')} of ${request.cluster}`, [
      protectNodes(request),
      protection(request, '1-protect-instances.sh'),
      capture(request),
      checkpoints(request),
      clusterRecords(request),
      cloudRecords(request, '4-cloud-records.sh'),
      snapshots(request, '5-snapshots.sh'),
      {
        limits: [
          'Fargate pods have no node that could be taken: see salvor acquire plan fargate.',
          'EKS Auto Mode and Bottlerocket nodes let no pod read memory where the kernel is locked down.',
        ],
      },
    ]),
}
