/** Taking memory: the pod, the rights that it has and why, and the steps. */

import { deliveredNames } from '../capture.js'
import type { Part, Privilege } from '../plan.js'
import type { PlanRequest } from '../request.js'
import { line } from '../shell.js'
import { documents } from '../yaml.js'
import { captureObjects, namespaceObjects } from './objects.js'
import { NAME } from './pods.js'

const SPOOL_LIMIT =
  'With presigned URLs the image is put together on the node’s own disk first, for one PUT needs its length: that ' +
  'overwrites free space of the disk. One PUT takes 5 GiB; a larger image stays on the node and the manifest is not written.'

function delivers({ to }: PlanRequest): { privileges: Privilege[]; notes: string[] } {
  switch (to.kind) {
    case 's3':
      return {
        privileges: [
          {
            what: `s3:PutObject and s3:AbortMultipartUpload below ${to.uri}`,
            why: 'the image is streamed into the bucket while it is read; nothing of it touches the node’s disk',
            without: 'deliver to a volume or by presigned URLs',
          },
        ],
        notes: [
          'A bucket with Object Lock and versioning keeps what arrives from being changed. Let the role write and nothing else: ' +
            'whoever holds the node can use it too.',
        ],
      }
    case 'presigned':
      return {
        privileges: [
          {
            what: 'a Secret with presigned URLs, one for each file',
            why: 'each lets its holder write one object, for as long as it is valid',
            without: 'deliver by a role or to a volume',
          },
        ],
        notes: [SPOOL_LIMIT],
      }
    case 'folder':
      return {
        privileges: [
          {
            what: `the node’s folder ${to.path}, writable`,
            why: 'the image is written there',
            without: 'deliver to a bucket or a claim',
          },
        ],
        notes: [
          'The folder must be there, and should be a disk of its own: a file as large as the memory overwrites deleted data of ' +
            'the disk that it is on, and its pages push others out of memory while it is taken.',
        ],
      }
    case 'claim':
      return {
        privileges: [
          { what: `the claim ${to.name}, writable`, why: 'the image is written there', without: 'deliver to a bucket' },
        ],
        notes: [
          'The claim must be in the namespace of the plan and bind on the node; mounting it changes the node a little.',
        ],
      }
  }
}

/** The pod that takes memory. */
export function capture(request: PlanRequest): Part {
  const { privileges, notes } = delivers(request)
  const many = request.nodes.length > 1
  const urls = request.nodes.flatMap((node) => deliveredNames(node, request.compress))
  const secret =
    request.to.kind !== 'presigned'
      ? []
      : [
          `# urls: a line "NAME URL" for each of ${urls.join(', ')}`,
          `${line('kubectl', '-n', request.namespace, 'create', 'secret', 'generic', 'salvor-urls')} --from-file=urls=/dev/stdin <urls`,
        ]
  const waiting = many
    ? [
        `kubectl -n ${request.namespace} logs -l app.kubernetes.io/name=salvor-acquire --prefix --tail=-1 | tee capture.log`,
      ]
    : [
        `kubectl -n ${request.namespace} wait --for=condition=complete --timeout=6h job/${NAME}`,
        `kubectl -n ${request.namespace} logs job/${NAME} | tee capture.log`,
      ]
  return {
    files: [
      { name: '2-namespace.yaml', content: documents(namespaceObjects(request)) },
      { name: '2-capture.yaml', content: documents(captureObjects(request)) },
    ],
    privileges: [
      {
        what: 'privileged (root, all capabilities)',
        why:
          'AVML reads /proc/kcore, which is hidden from other containers and needs CAP_SYS_RAWIO, and the true addresses ' +
          'in /proc/iomem, which need CAP_SYS_ADMIN',
        without: 'there is no image of memory',
      },
      {
        what: 'hostPID',
        why: 'the manifest has the machine id of the host, and the facts beside the image what ran on it',
        without: 'the image is the same, and less is known of where it is from',
      },
      {
        what: `the namespace ${request.namespace} with the pod security level privileged`,
        why: 'admission refuses the pod elsewhere; a namespace of its own keeps the exception from all others',
        without: 'the pod is not admitted',
      },
      {
        what: 'a toleration of all taints, and the node by name',
        why: 'the node is tainted and cordoned by then',
        without: 'the pod is not started, or is started elsewhere',
      },
      ...privileges,
    ],
    steps: [
      {
        what: `Take the memory of ${many ? 'the nodes' : 'the node'}`,
        commands: [
          'kubectl apply -f 2-namespace.yaml',
          ...secret,
          'kubectl apply --dry-run=server -f 2-capture.yaml',
          'kubectl apply -f 2-capture.yaml',
          ...waiting,
        ],
        notes: [
          'Look at 2-capture.yaml first: it is short, says why each part is there, and has the whole script that is run. ' +
            'A server-side dry run says beforehand whether admission lets it in.',
          ...notes,
          `The log ends with the hash of ${many ? 'each' : 'the'} manifest: keep capture.log apart from the bucket or volume.`,
          'Taking memory writes memory: the pod, its image and its pages displace others. It is once, and first.',
          ...(many ? ['The pods stay when they are done; delete the DaemonSet when all logs are kept.'] : []),
        ],
      },
    ],
    limits: [
      'A kernel in lockdown (secure boot on some distributions, Bottlerocket) lets nobody read its memory: AVML says so, and ' +
        'then only snapshots by the hypervisor or checkpoints are left.',
      'The image is torn: the host goes on while it is read. `salvor info` counts how much.',
    ],
  }
}
