import { cloudRecords, protection, snapshots } from '../aws.js'
import { hostCapture } from '../host.js'
import { joined } from '../plan.js'
import { ssmCapture } from '../ssm.js'
import { host } from './host.js'
import type { Target } from './target.js'

export const ec2: Target = {
  name: 'ec2',
  summary: 'an EC2 instance: the same script by Systems Manager, its disks, and what AWS records',
  takes: [...host.takes, 'instance', 'volume', 'log-group', 'flow-logs'],
  needs: [['instance'], ['to'], ['avml-sha256']],
  plan: (request) =>
    joined(`EC2: ${request.instance}`, [
      protection(request, '1-protect-instance.sh'),
      hostCapture(request),
      ssmCapture(request),
      cloudRecords(request, '3-cloud-records.sh'),
      snapshots(request, '4-snapshots.sh'),
      {
        limits: [
          'Hibernation writes memory to the root disk, encrypted with the disk’s key, but only where it was set up at launch.',
          'Nitro Enclaves and instances with memory encryption by the hypervisor look the same from inside.',
        ],
      },
    ]),
}
