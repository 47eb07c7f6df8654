/**
 * Records of containerd's CRI plugin out of its `meta.db`. The database itself is not read: pages of it may be missing,
 * and a page that was freed still has its text. Each record is JSON that carries its own id, so it is carved, and only
 * completes a container that something else names.
 */

import { integer, list, members, parseObject, text, textMap } from './json.js'
import { type OciConfig, readOciConfig } from './oci-config.js'

export interface CriMetadata {
  id: string
  kind: 'container' | 'sandbox'
  name: string | null
  image: string | null
  sandbox_id: string | null
  hostname: string | null
  pod_name: string | null
  pod_namespace: string | null
  pod_uid: string | null
  addresses: string[]
  /** How often the kubelet had made it before. */
  attempt: number
  labels: Map<string, string>
  annotations: Map<string, string>
  /** CRI's NamespaceMode by the kind of namespace: 0 the pod's, 1 its own, 2 the host's, 3 another container's. */
  namespaces: Map<string, number>
  /** What the kubelet asked to be mounted. */
  mounts: { source: string; target: string }[]
  cgroup_parent: string | null
  /** What the image's name was resolved to. */
  image_id: string | null
  /** Of a container below its sandbox's, which is a directory. */
  log_path: string | null
  ports: { port: string; published: string[] }[]
}

export interface CarvedRecords {
  metadata: Map<string, CriMetadata>
  /** By the id at the end of the declared cgroup path. */
  specs: Map<string, OciConfig>
  /** A limit was reached before the end. */
  capped: boolean
}

/** Text made of beginnings without ends would be read again from each: what is left to read goes down for all. */
interface Budget {
  records: number
  characters: number
}

const maximumRecords = 100_000
const maximumRecord = 256 * 1024
const metadataStart = '{"Version":"v1","Metadata":{"ID":"'
const specStart = '{"ociVersion":"'

export function carveCriRecords(content: string): CarvedRecords {
  const metadata = new Map<string, CriMetadata>()
  const specs = new Map<string, OciConfig>()
  const budget: Budget = { records: maximumRecords, characters: 4 * content.length + maximumRecord }
  for (const json of carve(content, metadataStart, budget)) {
    const record = readCriMetadata(json)
    if (record !== null) metadata.set(record.id, record)
  }
  for (const json of carve(content, specStart, budget)) {
    const spec = readOciConfig(json).value
    const id = /[:/-]([0-9a-f]{64})(?:\.scope)?$/.exec(spec?.cgroups_path?.slice(-128) ?? '')?.[1]
    if (spec !== null && id !== undefined) specs.set(id, spec)
  }
  return { metadata, specs, capped: budget.records <= 0 || budget.characters <= 0 }
}

function* carve(content: string, start: string, budget: Budget): Generator<object> {
  let from = 0
  while (budget.records > 0 && budget.characters > 0) {
    const at = content.indexOf(start, from)
    if (at < 0) return
    budget.records--
    const { end, whole } = endOfObject(content, at)
    budget.characters -= end - at
    from = whole ? end : at + start.length
    const parsed = whole ? parseObject(content.slice(at, end), 'record') : null
    if (parsed?.value) yield parsed.value
  }
}

/** Where the JSON object that begins at a place ends, or where it breaks off. */
export function endOfObject(content: string, start: number): { end: number; whole: boolean } {
  const limit = Math.min(content.length, start + maximumRecord)
  let depth = 0
  let quoted = false
  let at = start
  for (; at < limit; at++) {
    const char = content.charCodeAt(at)
    // JSON text has no control characters in it: this is where a missing page or another record begins.
    if (char < 0x20) break
    if (quoted) {
      if (char === 0x5c) at++
      else if (char === 0x22) quoted = false
    } else if (char === 0x22) quoted = true
    else if (char === 0x7b) depth++
    else if (char === 0x7d && --depth === 0) return { end: at + 1, whole: true }
  }
  return { end: at, whole: false }
}

export function readCriMetadata(record: object): CriMetadata | null {
  const id = text(record, 'Metadata', 'ID')
  if (id === null || !/^[0-9a-f]{64}$/.test(id)) return null
  const config = ['Metadata', 'Config'] as const
  const sandbox_id = text(record, 'Metadata', 'SandboxID')
  const label = (name: string): string | null => text(record, ...config, 'labels', name)
  const hasPod = members(record, ...config, 'metadata').some(([name]) => name === 'uid')
  const kind = sandbox_id === null && hasPod ? 'sandbox' : 'container'
  const address = text(record, 'Metadata', 'IP')
  const additional = list(record, 'Metadata', 'AdditionalIPs').filter((item) => typeof item === 'string')
  const name = text(record, ...config, 'metadata', 'name')
  return {
    id,
    kind,
    name,
    image: text(record, ...config, 'image', 'user_specified_image'),
    sandbox_id,
    hostname: text(record, ...config, 'hostname'),
    pod_name: kind === 'sandbox' ? name : label('io.kubernetes.pod.name'),
    pod_namespace: text(record, ...config, 'metadata', 'namespace') ?? label('io.kubernetes.pod.namespace'),
    pod_uid: text(record, ...config, 'metadata', 'uid') ?? label('io.kubernetes.pod.uid'),
    addresses: address === null ? additional : [address, ...additional],
    // Go leaves out what is 0.
    attempt: integer(record, ...config, 'metadata', 'attempt') ?? 0,
    labels: textMap(record, ...config, 'labels'),
    annotations: textMap(record, ...config, 'annotations'),
    namespaces: readNamespaces(record),
    mounts: list(record, ...config, 'mounts').flatMap((mount) => {
      const [source, target] = [text(mount, 'host_path'), text(mount, 'container_path')]
      return source === null || target === null ? [] : [{ source, target }]
    }),
    cgroup_parent: text(record, ...config, 'linux', 'cgroup_parent'),
    image_id: text(record, 'Metadata', 'ImageRef'),
    log_path: text(record, ...config, kind === 'sandbox' ? 'log_directory' : 'log_path'),
    ports: declaredPorts(text(record, ...config, 'annotations', 'io.kubernetes.container.ports')),
  }
}

/** The ports that a pod's declaration names, which the kubelet hands over as JSON within JSON. */
export function declaredPorts(annotation: string | null): CriMetadata['ports'] {
  const declared = annotation === null ? null : parseObject(annotation, 'ports').value
  return list({ declared }, 'declared').flatMap((item) => {
    const [port, host] = [integer(item, 'containerPort'), integer(item, 'hostPort')]
    if (port === null) return []
    const protocol = (text(item, 'protocol') ?? 'TCP').toLowerCase()
    return [{ port: `${port}/${protocol}`, published: host === null || host === 0 ? [] : [`:${host}`] }]
  })
}

/** Modes of a record that has a security context; the mode that is not written is 0. */
function readNamespaces(record: object): Map<string, number> {
  const options = ['Metadata', 'Config', 'linux', 'security_context', 'namespace_options']
  if (members(record, ...options).length === 0) return new Map()
  return new Map(['network', 'pid', 'ipc'].map((kind) => [kind, integer(record, ...options, kind) ?? 0]))
}
