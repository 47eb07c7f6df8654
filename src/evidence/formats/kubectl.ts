import { field, textMap } from '../../containers/json.js'
import type { DocumentFormat } from '../format.js'
import type { AllowedRecord, ContainerRecord, EvidenceRecord, Place, PodRecord } from '../records.js'
import { items, moment, told } from '../values.js'
import { networkPolicy } from './network-policy.js'

/** Objects of a list, which may have no kind of their own where the list has one; one object is its own list. */
function* objectsOf(value: unknown): Generator<{ kind: string | null; object: unknown }> {
  const kind = told(value, 'kind')
  if (kind?.endsWith('List') !== true) {
    yield { kind, object: value }
    return
  }
  const each = kind === 'List' ? null : kind.slice(0, -'List'.length)
  for (const object of items(value, 'items')) yield { kind: told(object, 'kind') ?? each, object }
}

function isObject(value: unknown): boolean {
  return told(value, 'kind') !== null && told(value, 'apiVersion') !== null && !isAudit(value)
}

function isAudit(value: unknown): boolean {
  return told(value, 'apiVersion')?.startsWith('audit.k8s.io/') === true
}

/** `kubectl get … -o json`, and what the kubelet's /pods says. Of all objects only pods and policies are joined. */
export const kubectlGet: DocumentFormat = {
  name: 'kubectl get',
  form: 'document',
  recognises: isObject,
  *read(value, losses) {
    let others = 0
    let listed = false
    for (const { kind, object } of objectsOf(value)) {
      if (kind === 'Pod') {
        // One pod alone was asked for by name.
        if (!listed && object !== value) yield { kind: 'listing', of: 'pods', engine: 'pods', whole: true }
        listed = true
        const found = podRecords(object)
        if (found === null) losses.malformed()
        else yield* found
      } else if (kind === 'NetworkPolicy') {
        const found: readonly AllowedRecord[] | null = networkPolicy(object, losses)
        if (found === null) losses.malformed()
        else yield* found
      } else others++
    }
    if (others > 0) losses.remark(`${others} objects are neither pods nor network policies, and are not joined`)
  },
}

/** A pod and its containers, or null where it has no name. */
function podRecords(of: unknown): readonly EvidenceRecord[] | null {
  const [uid, name] = [told(of, 'metadata', 'uid'), told(of, 'metadata', 'name')]
  const namespace = told(of, 'metadata', 'namespace')
  if (uid === null || name === null || namespace === null) return null
  const place = { node: told(of, 'spec', 'nodeName'), address: told(of, 'status', 'hostIP') }
  const hash = told(of, 'metadata', 'annotations', 'kubernetes.io/config.hash')
  const phase = told(of, 'status', 'phase')
  const pod: PodRecord = {
    kind: 'pod',
    ids: hash === null ? [uid] : [uid, hash],
    time: moment(field(of, 'status', 'startTime')) ?? moment(field(of, 'metadata', 'creationTimestamp')),
    name: `${namespace}/${name}`,
    namespace,
    running: phase === null ? null : phase === 'Running',
    labels: textMap(of, 'metadata', 'labels'),
    place,
    said: of,
  }
  const statuses = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses']
  const containers = statuses.flatMap((list) =>
    items(of, 'status', list).flatMap((status) => containerRecord(status, pod.name, place) ?? []),
  )
  return [pod, ...containers]
}

function containerRecord(of: unknown, pod: string, place: Place): ContainerRecord | null {
  // `containerd://<id>`; there is none while it is only created.
  const id = told(of, 'containerID')?.replace(/^[a-z-]+:\/\//, '')
  if (id === undefined || id === '') return null
  return {
    kind: 'container',
    id,
    time: moment(field(of, 'state', 'running', 'startedAt')),
    name: told(of, 'name'),
    image: told(of, 'image'),
    running: field(of, 'state', 'running') !== undefined,
    pod,
    place,
    said: of,
  }
}
