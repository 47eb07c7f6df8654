/** The objects that take memory: a Job for one node, a DaemonSet for several. */

import { template } from '../capture.js'
import type { PlanRequest } from '../request.js'
import { type Because, because } from '../yaml.js'
import { type Fields, job, labels, metadata, NAME, nodeName, podFields, type Runs } from './pods.js'

export function namespaceObjects(request: PlanRequest): Fields[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: request.namespace,
        labels: {
          ...labels(request),
          'pod-security.kubernetes.io/enforce': because(
            'Admission would refuse the pod elsewhere; this namespace has nothing else in it.',
            'privileged',
          ),
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(
        request,
        NAME,
        request.role === null
          ? {}
          : {
              annotations: because(
                'The role may write objects below the prefix, and nothing else: neither read nor delete nor list.',
                { 'eks.amazonaws.com/role-arn': request.role },
              ),
            },
      ),
      automountServiceAccountToken: because('The pod asks the API server for nothing.', false),
    },
  ]
}

function scriptObject(request: PlanRequest): Fields {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(request, NAME),
    data: { 'capture.sh': template('capture.sh') },
  }
}

const CAPTURE: Runs = {
  name: 'capture',
  environment: [nodeName('SALVOR_NAME'), nodeName('SALVOR_NODE')],
  security: {
    privileged: because(
      'AVML reads /proc/kcore, which is hidden from other containers and needs CAP_SYS_RAWIO, and the true addresses in ' +
        '/proc/iomem, which need CAP_SYS_ADMIN.',
      true,
    ),
    runAsUser: because('Both are for root alone.', 0),
    readOnlyRootFilesystem: because('Nothing is written but to the volumes below.', true),
  },
}

function capturePod(request: PlanRequest, runs: Runs): Fields {
  return {
    hostPID: because(
      'The process with id 1 is then the host’s: its machine id goes into the manifest, and what runs on the host into the facts.',
      true,
    ),
    ...podFields(request, runs),
  }
}

/** A DaemonSet would start its pods again when they end: they stay, and take memory once. */
function daemonSet(request: PlanRequest): Fields {
  const pod = capturePod(request, {
    ...CAPTURE,
    environment: [...CAPTURE.environment, { name: 'SALVOR_STAY', value: '1' }],
  })
  const { tolerations, ...rest } = pod
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: metadata(request, NAME),
    spec: {
      selector: { matchLabels: labels(request) },
      updateStrategy: because('A changed plan must not end a capture that runs.', { type: 'OnDelete' }),
      template: {
        metadata: { labels: labels(request) },
        spec: {
          affinity: because('These nodes and no others.', {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: request.nodes.map((node) => ({
                  matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }],
                })),
              },
            },
          }),
          tolerations: tolerations as Because,
          ...rest,
        },
      },
    },
  }
}

export function captureObjects(request: PlanRequest): Fields[] {
  const [first = '', ...others] = request.nodes
  const workload = others.length === 0 ? job(request, NAME, first, capturePod(request, CAPTURE)) : daemonSet(request)
  return [scriptObject(request), workload]
}
