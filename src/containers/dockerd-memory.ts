/**
 * What dockerd itself keeps of its containers: when files have left the page cache, the daemon's heap still has them.
 *
 * moby's `container.Container` (daemon/container/container.go) has held these fields one after the other since 1.10:
 * ID, Created, Managed, Path, Args, Config, ImageID, …, LogPath, Name; and `container.Config` (api/types/container) has
 * Hostname first and Image behind ArgsEscaped. A Go string is a pointer and a length. An object counts only if all that
 * is read of it is what it should be.
 */

import { append } from '../append.js'
import { mostSaid } from './most-said.js'
import { isoFromNanoseconds } from './time.js'

/** A daemon's heap. */
export interface Heap {
  find(patterns: readonly string[]): Iterable<{ address: bigint; which: number }>
  findWords(words: readonly bigint[]): Iterable<{ address: bigint; which: number }>
  /** Null unless all of it is in memory. */
  readWhole(address: bigint, length: number): DataView | null
}

export interface Daemon {
  pid: number
  /** The name of its program. */
  program: string
  /** The container that it runs in. */
  container: string | null
  /** Null where its memory cannot be read. */
  heap(): Heap | null
}

export interface DaemonContainer {
  name: string | null
  image: string | null
  /** Digest of the image's configuration. */
  image_id: string
  log_path: string | null
  created: string | null
  /** Of the daemon that holds it. */
  pid: number
  /** Where in the daemon's memory the object has its ID. */
  address: bigint
}

/** Distances from ID in `container.Container`. */
const CREATED = 16
const CONFIG = 88
const IMAGE_ID = 96
const NAMES_FROM = 112
/** ImageManifest, ImagePlatform and NetworkSettings came and went before Name. */
const NAMES_TO = 320
/** Distances in `container.Config`. */
const HOSTNAME = 0
const IMAGE = 136

const ID_LENGTH = 64
const LONGEST = 256
const sha256 = /^sha256:[0-9a-f]{64}$/
/** RestrictedNameChars (daemon/names/names.go). */
const containerName = /^\/[a-zA-Z0-9][a-zA-Z0-9_.-]+$/
/** What dockerd names by itself; the id is in it twice. */
const logPath = /^\/.{1,200}\/([0-9a-f]{64})\/\1-json\.log$/
const hostName = /^[a-zA-Z0-9._-]{1,253}$/
/** A reference as a user may write it (distribution/reference), a digest or the beginning of an id. */
const imageName = /^[a-zA-Z0-9][a-zA-Z0-9._:@/+-]*$/

/** What daemons hold of some containers, by id. */
export function readDaemons(daemons: readonly Daemon[], ids: readonly string[]): Map<string, DaemonContainer> {
  const found = new Map<string, DaemonContainer>()
  for (const daemon of daemons) {
    const missing = ids.filter((id) => !found.has(id))
    const heap = missing.length === 0 ? null : daemon.heap()
    if (heap === null) continue
    for (const [id, objects] of objectsOf(heap, missing)) {
      const best = agreed(objects)
      if (best !== null) found.set(id, { ...best, pid: daemon.pid })
    }
  }
  return found
}

type Found = Omit<DaemonContainer, 'pid'>

/** Containers by id: from the id's text to whatever points to it, and is a container. */
function objectsOf(heap: Heap, ids: readonly string[]): Map<string, Found[]> {
  const texts = [...heap.find(ids)]
  const objects = new Map<string, Found[]>()
  for (const { address, which } of heap.findWords(texts.map((text) => text.address))) {
    const id = ids[texts[which]?.which ?? -1]
    const object = id === undefined ? null : containerAt(heap, address)
    if (id !== undefined && object !== null) append(objects, id, object)
  }
  return objects
}

function containerAt(heap: Heap, address: bigint): Found | null {
  const object = heap.readWhole(address, NAMES_TO + 16)
  if (object === null || object.getBigUint64(8, true) !== BigInt(ID_LENGTH)) return null
  const image_id = goString(heap, object, IMAGE_ID)
  if (image_id === null || !sha256.test(image_id)) return null
  let name: string | null = null
  let log_path: string | null = null
  for (let at = NAMES_FROM; at <= NAMES_TO && name === null; at += 8) {
    const text = goString(heap, object, at)
    if (text === null || !containerName.test(text)) continue
    name = text.slice(1)
    const before = goString(heap, object, at - 16)
    if (before !== null && logPath.test(before)) log_path = before
  }
  const created = goTime(object.getBigUint64(CREATED, true), object.getBigInt64(CREATED + 8, true))
  return { name, created, image: imageOf(heap, object.getBigUint64(CONFIG, true)), image_id, log_path, address }
}

function imageOf(heap: Heap, config: bigint): string | null {
  const object = heap.readWhole(config, IMAGE + 16)
  if (object === null || !hostName.test(goString(heap, object, HOSTNAME) ?? '')) return null
  const image = goString(heap, object, IMAGE)
  return image !== null && imageName.test(image) ? image : null
}

/** Seconds from year 1, and from 1885, to 1970 (`unixToInternal`, `wallToInternal` in Go's time/time.go). */
const FROM_YEAR_1 = 62_135_596_800n
const FROM_1885 = 2_682_288_000n
const HAS_MONOTONIC = 1n << 63n

/** `time.Time`: nanoseconds in the lower 30 bits of `wall`, seconds above them where it has read the clock, else in `ext`. */
function goTime(wall: bigint, ext: bigint): string | null {
  const nanoseconds = wall & ((1n << 30n) - 1n)
  if (nanoseconds >= 1_000_000_000n) return null
  const hasMonotonic = (wall & HAS_MONOTONIC) !== 0n
  const seconds = hasMonotonic ? ((wall & ~HAS_MONOTONIC) >> 30n) - FROM_1885 : ext - FROM_YEAR_1
  return isoFromNanoseconds(seconds * 1_000_000_000n + nanoseconds)
}

function goString(heap: Heap, object: DataView, at: number): string | null {
  const length = object.getBigUint64(at + 8, true)
  if (length === 0n || length > BigInt(LONGEST)) return null
  const bytes = heap.readWhole(object.getBigUint64(at, true), Number(length))
  if (bytes === null) return null
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/**
 * The daemon has copies of each, and garbage that was one. What most of them say counts, and what as many deny does not: each
 * by itself, for a container that was renamed still has its image. Which of several names is the last one no copy tells.
 */
function agreed(objects: readonly Found[]): Found | null {
  const image_id = mostSaid(objects.map((object) => object.image_id))
  const own = objects.filter((object) => object.image_id === image_id)
  const names = new Set(own.flatMap(({ name }) => name ?? []))
  const [name = null] = names.size === 1 ? names : []
  const image = mostSaid(own.map((object) => object.image))
  const [first] = own.filter((object) => name === null || object.name === name)
  if (first === undefined || image_id === null || (name === null && image === null)) return null
  const log_path = mostSaid(own.map((object) => object.log_path))
  const created = mostSaid(own.map((object) => object.created))
  return { name, image, image_id, log_path, created, address: first.address }
}
