/**
 * What the memory of engines and of the kubelet holds of containers beside their own objects: text that was written to
 * files, answers of interfaces, messages. It was any time's, and may be what somebody else made the daemon hold: a record
 * counts only if the container's id is in the same object, what most of its copies say is taken, and it is the last to be
 * believed.
 */

import { append } from '../append.js'
import { type CriMetadata, endOfObject, readCriMetadata } from './containerd-metadata.js'
import { readCriMessage } from './cri-messages.js'
import { type DockerConfig, parseDockerConfig } from './docker-config.js'
import type { Daemon, Heap } from './dockerd-memory.js'
import { integer, parseObject, text, texts } from './json.js'
import { mostSaid } from './most-said.js'
import { storedContainer } from './podman-storage.js'
import { parseConmonArguments, parseKubernetesName } from './shim-args.js'

/** What one daemon's memory says of one container. */
export interface Carved {
  name: string | null
  image: string | null
  kind: 'container' | 'sandbox' | null
  sandbox_id: string | null
  pod_name: string | null
  pod_namespace: string | null
  pod_uid: string | null
  /** The latest text that dockerd wrote to its config.v2.json. */
  docker: DockerConfig | null
  /** containerd's record, as it is in its meta.db. */
  metadata: CriMetadata | null
  image_id: string | null
  restarts: number | null
  /** For a claim of a column. */
  source: string
  program: string
  pid: number
  /** Of the first of its records, in the daemon's memory. */
  address: bigint
}

type Told = Partial<Omit<Carved, 'source' | 'program' | 'pid'>> & { address: bigint }

/** How a record is found by an id in it, and read. */
interface Form {
  pattern: (id: string) => string
  read: (heap: Heap, address: bigint, id: string) => Omit<Told, 'address'> | null
}

const PAGE = 4096n
/** Longer records are nobody's. */
const MOST_TEXT = 1 << 16
/** Containers that are asked for, and places that are looked at: whoever may make cgroups or texts may make any number. */
const MOST_IDS = 1024
const MOST_PLACES = 20_000
/** Copies of one record that are read: a daemon has as many as it has written and answered since its memory was new. */
const MOST_COPIES = 16

const FORMS: readonly Form[] = [
  { pattern: (id) => `\n@${id}`, read: criMessage },
  { pattern: (id) => `{"Version":"v1","Metadata":{"ID":"${id}"`, read: criRecord },
  { pattern: (id) => `,"ID":"${id}","Created":"`, read: dockerConfig },
  { pattern: (id) => `{"Id":"${id}","Names":["/`, read: dockerListed },
  { pattern: (id) => `://${id}","image":"`, read: containerStatus },
  { pattern: (id) => `{"id":"${id}","names":["`, read: storageRecord },
]
/** What conmon keeps of the one container that it looks after: where its log lies, and what it was called with. */
const CONMON_FORMS: readonly Form[] = [
  { pattern: (id) => `/${id}.log`, read: sandboxLog },
  { pattern: (id) => `\0-c\0${id}\0`, read: conmonArguments },
]

/** What daemons' memory says of containers, by id, daemon by daemon; those that are told of wholly are asked of no other. */
export function carveDaemons(
  daemons: readonly Daemon[],
  wanted: readonly string[],
  forms = FORMS,
): { records: Map<string, Carved[]>; capped: boolean } {
  const records = new Map<string, Carved[]>()
  let capped = daemons.length > 0 && wanted.length > MOST_IDS
  let missing = wanted.slice(0, MOST_IDS)
  for (const daemon of daemons) {
    const heap = missing.length === 0 ? null : daemon.heap()
    if (heap === null) continue
    const found = recordsIn(heap, missing, forms)
    capped ||= found.capped
    for (const [id, told] of found.records) append(records, id, merged(told, daemon))
    missing = missing.filter((id) => !(records.get(id) ?? []).some(isWhole))
  }
  return { records, capped }
}

/** What a conmon's memory says of the container that it looks after. */
export function carveConmon(conmon: Daemon, id: string): Carved[] {
  return carveDaemons([conmon], [id], CONMON_FORMS).records.get(id) ?? []
}

function isWhole({ kind, name, image, pod_name }: Carved): boolean {
  return kind === 'sandbox' ? pod_name !== null : name !== null && image !== null
}

function recordsIn(
  heap: Heap,
  ids: readonly string[],
  forms: readonly Form[],
): { records: Map<string, Told[]>; capped: boolean } {
  const asked = ids.flatMap((id) => forms.map((form) => ({ id, form, pattern: form.pattern(id) })))
  const records = new Map<string, Told[]>()
  const copies = new Map<number, number>()
  let places = 0
  for (const { address, which } of heap.find(asked.map(({ pattern }) => pattern))) {
    if (++places > MOST_PLACES) return { records, capped: true }
    const { id = '', form } = asked[which] ?? {}
    const seen = copies.get(which) ?? 0
    if (seen >= MOST_COPIES) continue
    const told = form?.read(heap, address, id) ?? null
    if (told === null) continue
    append(records, id, { ...told, address })
    copies.set(which, seen + 1)
  }
  return { records, capped: false }
}

function merged(told: readonly Told[], { pid, program }: Daemon): Carved {
  const most = <T>(value: (one: Told) => T | null | undefined) => mostSaid(told.map(value))
  return {
    name: most(({ name }) => name),
    image: most(({ image }) => image),
    kind: most(({ kind }) => kind),
    sandbox_id: most(({ sandbox_id }) => sandbox_id),
    pod_name: most(({ pod_name }) => pod_name),
    pod_namespace: most(({ pod_namespace }) => pod_namespace),
    pod_uid: most(({ pod_uid }) => pod_uid),
    image_id: most(({ image_id }) => image_id),
    docker: latest(told.flatMap(({ docker }) => docker ?? [])),
    metadata: told.find(({ metadata }) => metadata)?.metadata ?? null,
    restarts: told.reduce<number | null>((most, { restarts = null }) => larger(most, restarts), null),
    source: `memory of ${program} (carved)`,
    program,
    pid,
    address: told[0]?.address ?? 0n,
  }
}

function larger(left: number | null, right: number | null): number | null {
  return left === null || (right !== null && right > left) ? right : left
}

/** By what happened last to the container; of several of one time the one that says most. */
function latest(configs: readonly DockerConfig[]): DockerConfig | null {
  const time = ({ created, started, finished }: DockerConfig) =>
    [created, started, finished].reduce<string>((last, next) => (next !== null && next > last ? next : last), '')
  const size = (config: DockerConfig) => JSON.stringify(config).length
  const [last = null] = [...configs].sort((left, right) =>
    time(left) === time(right) ? size(right) - size(left) : time(left) < time(right) ? 1 : -1,
  )
  return last
}

function criMessage(heap: Heap, address: bigint): Omit<Told, 'address'> | null {
  const message = readCriMessage(readOn(heap, address, 1 << 13, () => false))
  if (message === null) return null
  const { labels, annotations, ...told } = message
  return { ...told, restarts: count(annotations.get('io.kubernetes.container.restartCount')) }
}

function criRecord(heap: Heap, address: bigint): Omit<Told, 'address'> | null {
  const metadata = readCriMetadata(objectAt(heap, address) ?? {})
  if (metadata === null) return null
  const { kind, image, sandbox_id, pod_name, pod_namespace, pod_uid } = metadata
  const name = kind === 'sandbox' ? null : metadata.name
  return { kind, name, image, sandbox_id, pod_name, pod_namespace, pod_uid, metadata }
}

/** What was written to a config.v2.json: its id is behind the state. */
function dockerConfig(heap: Heap, address: bigint, id: string): Omit<Told, 'address'> | null {
  const before = readBack(heap, address)
  const begin = Math.max(before.lastIndexOf('{"StreamConfig":'), before.lastIndexOf('{"State":{'))
  const json = begin < 0 ? null : textAt(heap, address - BigInt(before.length - begin))
  const docker = json === null ? null : parseDockerConfig(json).value
  if (docker === null || docker.id !== id) return null
  return { name: docker.name, image: docker.image, image_id: docker.image_id, docker }
}

/** A container in the answer to `docker ps`. */
function dockerListed(heap: Heap, address: bigint): Omit<Told, 'address'> | null {
  const listed = objectAt(heap, address)
  const names = texts(listed, 'Names').map((name) => name.replace(/^\//, ''))
  // A name with a slash is that of a link.
  const name = names.find((one) => one !== '' && !one.includes('/')) ?? null
  return listed === null ? null : { name, image: text(listed, 'Image'), image_id: text(listed, 'ImageID') }
}

/** A container's status as the kubelet tells it to the API: `{"containerID":"containerd://<id>","image":…`. */
function containerStatus(heap: Heap, address: bigint): Omit<Told, 'address'> | null {
  const before = readBack(heap, address, 64)
  const begin = /\{"containerID":"[a-z-]{1,32}$/.exec(before)?.index
  const status = begin === undefined ? null : objectAt(heap, address - BigInt(before.length - begin))
  const image = text(status, 'image')
  const name = text(status, 'name')
  if (name === null) return null
  const told = image?.startsWith('sha256:') ? null : image
  return { kind: 'container', name, image: told, restarts: integer(status, 'restartCount') }
}

/** Of containers/storage's list, which CRI-O writes and reads: podman's containers are in it too. */
function storageRecord(heap: Heap, address: bigint, id: string): Omit<Told, 'address'> | null {
  const stored = storedContainer(objectAt(heap, address))
  if (stored === null || stored.id !== id) return null
  const { sandbox, image, image_id, pod_name, pod_namespace, pod_uid, pod_id: sandbox_id } = stored
  const long = parseKubernetesName(stored.names[0] ?? '')
  return {
    ...{ image, image_id, sandbox_id },
    kind: sandbox ? 'sandbox' : long === null ? null : 'container',
    name: sandbox ? null : stored.name,
    pod_name: pod_name ?? long?.pod_name ?? null,
    pod_namespace: pod_namespace ?? long?.pod_namespace ?? null,
    pod_uid: pod_uid ?? long?.pod_uid ?? null,
  }
}

/** `/var/log/pods/<namespace>_<pod>_<uid>/<id>.log`: where CRI-O logs what a sandbox prints. */
function sandboxLog(heap: Heap, address: bigint): Omit<Told, 'address'> | null {
  const before = readBack(heap, address, 1024)
  const [, pod_namespace, pod_name, pod_uid] =
    /\/([a-z0-9.-]{1,253})_([a-z0-9.-]{1,253})_([0-9A-Za-z-]{1,64})$/.exec(before.slice(-600)) ?? []
  if (pod_namespace === undefined || pod_name === undefined || pod_uid === undefined) return null
  return { kind: 'sandbox', pod_namespace, pod_name, pod_uid }
}

/** Longer command lines are not conmon's. */
const MOST_ARGUMENTS = 1 << 14

/** The arguments that it was called with, on its stack, wherever the kernel was told that they are. */
function conmonArguments(heap: Heap, address: bigint, id: string): Omit<Told, 'address'> | null {
  const before = readBack(heap, address, MOST_ARGUMENTS, () => false).split('\0')
  const behind = readOn(heap, address, MOST_ARGUMENTS, () => false)
  const program = before.findLastIndex((part) => /(?:^|\/)conmon(?:rs)?$/.test(part.slice(-256)))
  if (program < 0) return null
  const told = parseConmonArguments([...before.slice(program), ...behind.toString('latin1').split('\0').slice(1)])
  if (told === null || told.id !== id || told.name === null) return null
  const kubernetes = parseKubernetesName(told.name)
  if (kubernetes === null) return { name: told.name }
  const { container_name, attempt: _, ...pod } = kubernetes
  return container_name === 'POD' ? { kind: 'sandbox', ...pod } : { kind: 'container', name: container_name, ...pod }
}

function count(digits: string | undefined): number | null {
  return /^\d{1,9}$/.test(digits ?? '') ? Number(digits) : null
}

function objectAt(heap: Heap, address: bigint): object | null {
  const json = textAt(heap, address)
  return json === null ? null : parseObject(json, 'record').value
}

/** The JSON object that begins at an address. */
function textAt(heap: Heap, address: bigint): string | null {
  const bytes = readOn(heap, address, MOST_TEXT, hasControl)
  const { end, whole } = endOfObject(bytes.toString('latin1'), 0)
  return whole ? bytes.subarray(0, end).toString() : null
}

/** Bytes from an address on, page by page as far as there are any. */
function readOn(heap: Heap, address: bigint, most: number, isEnough: (part: Buffer) => boolean): Buffer {
  const parts: Buffer[] = []
  for (let length = 0; length < most; ) {
    const at = address + BigInt(length)
    const part = bytesAt(heap, at, Math.min(Number(PAGE - (at % PAGE)), most - length))
    if (part === null) break
    parts.push(part)
    length += part.length
    if (isEnough(part)) break
  }
  return Buffer.concat(parts)
}

/** Text before an address, page by page, back to what is no text. */
function readBack(heap: Heap, address: bigint, most = MOST_TEXT, isEnough = hasControl): string {
  let before = ''
  while (before.length < most) {
    const end = address - BigInt(before.length)
    const length = Math.min(Number(((end - 1n) % PAGE) + 1n), most - before.length)
    const part = bytesAt(heap, end - BigInt(length), length)
    if (part === null) break
    before = part.toString('latin1') + before
    if (isEnough(part)) break
  }
  return before
}

function bytesAt(heap: Heap, address: bigint, length: number): Buffer | null {
  const view = heap.readWhole(address, length)
  return view && Buffer.from(view.buffer, view.byteOffset, view.byteLength)
}

/** JSON has no control characters in it: what has some is not only of the object. */
function hasControl(bytes: Buffer): boolean {
  return bytes.some((byte) => byte < 0x20)
}
