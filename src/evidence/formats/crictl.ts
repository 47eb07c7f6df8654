import { field } from '../../containers/json.js'
import { podName } from '../../containers/pod-name.js'
import type { DocumentFormat } from '../format.js'
import type { ContainerRecord, PodRecord } from '../records.js'
import { items, moment, sinceEpoch, told } from '../values.js'

const HERE = { node: null, address: null }

/** The names of the pod that an object of CRI is of. */
function podOf(labels: unknown): string | null {
  return podName(told(labels, 'io.kubernetes.pod.namespace'), told(labels, 'io.kubernetes.pod.name'))
}

function container(of: unknown): ContainerRecord | null {
  const id = told(of, 'id')
  if (id === null) return null
  return {
    kind: 'container',
    id,
    time: moment(field(of, 'startedAt')) ?? sinceEpoch(field(of, 'createdAt')),
    name: told(of, 'metadata', 'name'),
    image: told(of, 'image', 'userSpecifiedImage') ?? told(of, 'image', 'image'),
    running: told(of, 'state') === 'CONTAINER_RUNNING',
    pod: podOf(field(of, 'labels')),
    place: HERE,
    said: of,
  }
}

function pod(of: unknown): PodRecord | null {
  const [uid, name] = [told(of, 'metadata', 'uid'), told(of, 'metadata', 'name')]
  const namespace = told(of, 'metadata', 'namespace')
  if (uid === null || name === null || namespace === null) return null
  return {
    kind: 'pod',
    ids: [uid],
    time: sinceEpoch(field(of, 'createdAt')) ?? moment(field(of, 'createdAt')),
    name: `${namespace}/${name}`,
    namespace,
    running: told(of, 'state') === 'SANDBOX_READY',
    labels: new Map(),
    place: HERE,
  }
}

/** `crictl inspect` and `crictl inspectp`: one object, or with newer versions a list of them. */
export const crictlInspect: DocumentFormat = {
  name: 'crictl inspect',
  form: 'document',
  recognises(value) {
    const [first] = Array.isArray(value) ? value : [value]
    return /^(?:CONTAINER|SANDBOX)_/.test(told(first, 'status', 'state') ?? '')
  },
  *read(value, losses) {
    for (const one of Array.isArray(value) ? value : [value]) {
      const status = field(one, 'status')
      const isSandbox = told(status, 'state')?.startsWith('SANDBOX_') === true
      const record = isSandbox ? pod(status) : container(status)
      if (record === null) losses.malformed()
      else yield record
    }
  },
}

/** `crictl ps -o json`. */
export const crictlPs: DocumentFormat = {
  name: 'crictl ps',
  form: 'document',
  recognises: (value) => field(items(value, 'containers')[0], 'podSandboxId') !== undefined,
  *read(value, losses) {
    yield { kind: 'listing', of: 'containers', engine: 'pods', whole: true }
    for (const one of items(value, 'containers')) {
      const record = container(one)
      if (record === null) losses.malformed()
      else yield record
    }
  },
}

/** `crictl pods -o json`. */
export const crictlPods: DocumentFormat = {
  name: 'crictl pods',
  form: 'document',
  recognises: (value) => /^SANDBOX_/.test(told(items(value, 'items')[0], 'state') ?? ''),
  *read(value, losses) {
    yield { kind: 'listing', of: 'sandboxes', engine: 'pods', whole: true }
    for (const one of items(value, 'items')) {
      const record = pod(one)
      if (record === null) losses.malformed()
      else yield record
    }
  },
}
