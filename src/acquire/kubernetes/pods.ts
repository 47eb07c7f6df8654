/** What the pods of a plan have in common: names, labels, volumes, the container, the Job. */

import { EVIDENCE, settings, URLS } from '../capture.js'
import type { PlanRequest } from '../request.js'
import { type Because, because, type Yaml } from '../yaml.js'

/** What the objects are called. */
export const NAME = 'salvor-capture'
const WORK = '/work'
export type Fields = { readonly [key: string]: Yaml | Because }

export function labels({ case: name }: PlanRequest): { readonly [key: string]: string } {
  return { 'app.kubernetes.io/name': 'salvor-acquire', 'salvor-case': name }
}

export function metadata(request: PlanRequest, name: string, more: Fields = {}): Fields {
  return { name, namespace: request.namespace, labels: labels(request), ...more }
}

/** The volumes of a pod and where its container has them. */
function volumes({ to }: PlanRequest): { volumes: Yaml[]; mounts: Yaml[] } {
  const shared: Yaml[] = [
    { name: 'script', configMap: { name: NAME } },
    {
      name: 'work',
      emptyDir: because('Hashes and the manifest, in memory: the disk stays as it is.', {
        medium: 'Memory',
        sizeLimit: '64Mi',
      }),
    },
  ]
  const mounts: Yaml[] = [
    { name: 'script', mountPath: '/plan', readOnly: true },
    { name: 'work', mountPath: WORK },
  ]
  const evidence = { name: 'evidence', mountPath: EVIDENCE }
  switch (to.kind) {
    case 's3':
      return { volumes: shared, mounts }
    case 'folder':
      return {
        volumes: [
          ...shared,
          {
            name: 'evidence',
            hostPath: because('It must be there: a mistyped name makes no folder on the evidence.', {
              path: to.path,
              type: 'Directory',
            }),
          },
        ],
        mounts: [...mounts, evidence],
      }
    case 'claim':
      return {
        volumes: [...shared, { name: 'evidence', persistentVolumeClaim: { claimName: to.name } }],
        mounts: [...mounts, evidence],
      }
    case 'presigned':
      return {
        volumes: [
          ...shared,
          { name: 'evidence', emptyDir: {} },
          { name: 'urls', secret: { secretName: 'salvor-urls', defaultMode: 0o400 } },
        ],
        mounts: [...mounts, evidence, { name: 'urls', mountPath: '/urls', readOnly: true }],
      }
  }
}

export interface Runs {
  readonly name: string
  readonly environment: readonly Yaml[]
  readonly security: Yaml
  readonly volumes?: readonly Yaml[]
  readonly mounts?: readonly Yaml[]
}

function container(request: PlanRequest, runs: Runs): Yaml {
  const { mounts } = volumes(request)
  const places = { folder: EVIDENCE, urls: URLS }
  const fixed = {
    ...settings(request, places),
    SALVOR_WORK: WORK,
    HOME: WORK,
    ...(request.region === null ? {} : { AWS_REGION: request.region }),
  }
  return {
    name: runs.name,
    image: request.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/bash', '/plan/capture.sh'],
    // A dollar would be a reference to another variable.
    env: [
      ...Object.entries(fixed).map(([name, value]) => ({ name, value: value.replaceAll('$', '$$$$') })),
      ...runs.environment,
    ],
    securityContext: runs.security,
    volumeMounts: [...mounts, ...(runs.mounts ?? [])],
  }
}

export const nodeName = (name: string): Yaml => ({ name, valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } })

/** What every pod of the plan has. */
export function podFields(request: PlanRequest, runs: Runs): Fields {
  return {
    serviceAccountName: NAME,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 5,
    tolerations: because('The node is tainted so that nothing else comes to it.', [{ operator: 'Exists' }]),
    containers: [container(request, runs)],
    volumes: [...volumes(request).volumes, ...(runs.volumes ?? [])],
  }
}

/** A Job: it ends, its log stays, and a pod that failed is not tried again on memory that it has changed. */
export function job(request: PlanRequest, name: string, node: string, pod: Fields): Fields {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata(request, name),
    spec: {
      backoffLimit: because('Each try changes memory: a second one is for a person to decide.', 0),
      template: {
        metadata: { labels: labels(request) },
        spec: {
          nodeName: because(
            'Named here, the pod goes past the scheduler: a cordoned node takes it, and no other pod is preempted for it.',
            node,
          ),
          restartPolicy: 'Never',
          ...pod,
        },
      },
    },
  }
}
