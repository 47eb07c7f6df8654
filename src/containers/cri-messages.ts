/**
 * Messages of the kubelet's runtime interface as they pass between kubelet and engine: in the memory of both lie the
 * answers to ListContainers and ListPodSandbox, which are asked for every second.
 *
 * k8s.io/cri-api, pkg/apis/runtime/v1/api.proto: `Container` is id = 1, pod_sandbox_id = 2, metadata = 3 (name = 1),
 * image = 4 (image = 1, user_specified_image = 18), image_ref = 5, labels = 8, annotations = 9; `PodSandbox` is id = 1,
 * metadata = 2 (name = 1, uid = 2, namespace = 3), state = 3, created_at = 4, labels = 5.
 */

export interface CriMessage {
  kind: 'container' | 'sandbox'
  sandbox_id: string | null
  name: string | null
  image: string | null
  image_id: string | null
  pod_name: string | null
  pod_namespace: string | null
  pod_uid: string | null
  labels: Map<string, string>
  annotations: Map<string, string>
}

/** Of a message: by the number of the field, in order. */
type Fields = Map<number, Uint8Array[]>

/** What protobuf has (wire types; the two that end groups are not in use). */
const VARINT = 0
const LENGTH = 2

const id64 = /^[0-9a-f]{64}$/
const kubernetesName = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/
const podUid = /^[0-9A-Za-z][0-9A-Za-z.-]{0,62}$/
/** A reference as a user may write it (distribution/reference). */
const imageName = /^[a-zA-Z0-9][a-zA-Z0-9._:@/+-]{0,1023}$/

/** What a message tells that begins with the id of a container; what follows its end may be anything. */
export function readCriMessage(bytes: Uint8Array): CriMessage | null {
  const fields = fieldsOf(bytes)
  if (!id64.test(textOf(fields, 1) ?? '')) return null
  return id64.test(textOf(fields, 2) ?? '') ? container(fields) : sandbox(fields)
}

function container(fields: Fields): CriMessage | null {
  const name = matching(textOf(inside(fields, 3), 1), kubernetesName)
  const labels = textMap(fields, 8)
  if (name === null) return null
  const image = inside(fields, 4)
  const wanted = textOf(image, 18) ?? textOf(image, 1)
  return {
    kind: 'container',
    sandbox_id: textOf(fields, 2),
    name,
    // The kubelet asks by the digest that it resolved a reference to, which is no name.
    image: wanted?.startsWith('sha256:') ? null : matching(wanted, imageName),
    image_id: matching(textOf(fields, 5), imageName),
    pod_name: matching(labels.get('io.kubernetes.pod.name'), kubernetesName),
    pod_namespace: matching(labels.get('io.kubernetes.pod.namespace'), kubernetesName),
    pod_uid: matching(labels.get('io.kubernetes.pod.uid'), podUid),
    labels,
    annotations: textMap(fields, 9),
  }
}

function sandbox(fields: Fields): CriMessage | null {
  const metadata = inside(fields, 2)
  const pod_name = matching(textOf(metadata, 1), kubernetesName)
  const pod_uid = matching(textOf(metadata, 2), podUid)
  const pod_namespace = matching(textOf(metadata, 3), kubernetesName)
  if (pod_name === null || pod_uid === null || pod_namespace === null) return null
  const labels = textMap(fields, 5)
  const none = { sandbox_id: null, name: null, image: null, image_id: null, annotations: new Map<string, string>() }
  return { kind: 'sandbox', ...none, pod_name, pod_namespace, pod_uid, labels }
}

/** Fields as far as they follow one another by ascending numbers, which writers keep. */
function fieldsOf(bytes: Uint8Array): Fields {
  const fields: Fields = new Map()
  let [at, last] = [0, 0]
  while (at < bytes.length) {
    const tag = varint(bytes, at)
    if (tag === null || tag.value < 8 || tag.value >> 3 < last) break
    const value = varint(bytes, tag.end)
    if (value === null) break
    const wire = tag.value & 7
    const end = wire === LENGTH ? value.end + value.value : value.end
    if ((wire !== LENGTH && wire !== VARINT) || end > bytes.length) break
    last = tag.value >> 3
    if (wire === LENGTH) fields.set(last, [...(fields.get(last) ?? []), bytes.subarray(value.end, end)])
    at = end
  }
  return fields
}

/** A number and where it ends; what is above 31 bits is no tag and no length, and is not kept. */
function varint(bytes: Uint8Array, start: number): { value: number; end: number } | null {
  let value = 0
  for (let at = start; at < bytes.length && at < start + 10; at++) {
    const byte = bytes[at] ?? 0
    if (at < start + 4) value += (byte & 0x7f) << ((at - start) * 7)
    if (byte < 0x80) return { value, end: at + 1 }
  }
  return null
}

function inside(fields: Fields, number: number): Fields {
  const [first] = fields.get(number) ?? []
  return first === undefined ? new Map() : fieldsOf(first)
}

function textOf(fields: Fields, number: number): string | null {
  const [first] = fields.get(number) ?? []
  return first === undefined || first.length === 0 ? null : Buffer.from(first).toString()
}

/** Entries of a map are messages of a key and a value. */
function textMap(fields: Fields, number: number): Map<string, string> {
  const map = new Map<string, string>()
  for (const bytes of fields.get(number) ?? []) {
    const entry = fieldsOf(bytes)
    const key = textOf(entry, 1)
    if (key !== null) map.set(key, textOf(entry, 2) ?? '')
  }
  return map
}

function matching(text: string | null | undefined, pattern: RegExp): string | null {
  return text != null && pattern.test(text) ? text : null
}
