/**
 * The lists of containers/storage, podman's and CRI-O's, running or not: `containers.json`, and on the tmpfs
 * `volatile-containers.json` of those that need not outlive the host.
 */

import { flag, list, type Parsed, parseObject, text, texts } from './json.js'
import { isoFromText } from './time.js'

export interface StoredContainer {
  id: string
  names: string[]
  image_id: string | null
  created: string | null
  /** From the metadata, which is JSON within JSON. */
  name: string | null
  image: string | null
  pod_name: string | null
  pod_id: string | null
  pod_uid: string | null
  pod_namespace: string | null
  /** CRI-O's mark of a pod's own container. */
  sandbox: boolean
  privileged: boolean | null
}

/** `k8s_<pod>_<namespace>_<uid>_<attempt>`: what CRI-O calls a pod (server/sandbox_run_linux.go). */
const LONG_POD_NAME = /^k8s_([a-z0-9.-]{1,253})_[a-z0-9.-]{1,253}_[0-9A-Za-z-]{1,64}_\d{1,10}$/

export function parseStoredContainers(content: string): Parsed<StoredContainer[]> {
  const parsed = parseObject(content, 'containers.json')
  if (parsed.value === null) return parsed
  if (!Array.isArray(parsed.value)) return { value: null, problem: 'containers.json: not a list' }
  const value = list({ all: parsed.value }, 'all').flatMap((item) => storedContainer(item) ?? [])
  return { value, problem: null }
}

/** One of such a list; null where it is none. */
export function storedContainer(item: unknown): StoredContainer | null {
  const id = text(item, 'id')
  if (id === null || !/^[0-9a-f]{64}$/.test(id)) return null
  const metadata = parseObject(text(item, 'metadata') ?? '{}', 'metadata').value ?? {}
  const names = texts(item, 'names')
  const sandbox = flag(metadata, 'pod') ?? false
  const pod = text(metadata, 'pod-name')
  return {
    id,
    names,
    image_id: text(item, 'image') ?? text(metadata, 'image-id'),
    created: isoFromText(text(item, 'created')),
    // CRI-O's "name" is the long k8s_… name, "metadata-name" the one of the pod's declaration.
    name: text(metadata, 'metadata-name') ?? text(metadata, 'name') ?? names[0] ?? null,
    image: text(metadata, 'image-name'),
    pod_name: LONG_POD_NAME.exec(pod ?? '')?.[1] ?? pod,
    pod_id: text(metadata, 'pod-id'),
    pod_uid: text(metadata, 'uid'),
    pod_namespace: text(metadata, 'namespace'),
    sandbox,
    // A pod's own is marked so where its pod shares the network or the processes of the node.
    privileged: sandbox ? null : flag(metadata, 'privileged'),
  }
}
