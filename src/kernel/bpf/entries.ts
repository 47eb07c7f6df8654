/** What is in maps: keys and values of those that are tables or arrays (kernel/bpf/hashtab.c, arraymap.c). */

import type { Kernel } from '../kernel.js'
import { bytes, hash } from '../query.js'
import { type BpfMap, readMaps } from './maps.js'

const MAP = 'struct bpf_map'
/** Types whose values lie beside their keys. Those of other types are on each processor, or pointers. */
const TABLES = new Set(['hash', 'lru_hash'])
/** Entries of all maps that are read. */
const MOST_ENTRIES = 1 << 20
/** Bytes of a key or value, and of an array's values: what a map may have is far more than an image holds. */
const MOST_BYTES = 1 << 20
const MOST_ARRAY = 64 << 20

const TABLE = (path: string) => `container_of(, struct bpf_htab, map)->${path}`
const ARRAY = (path: string) => `container_of(, struct bpf_array, map)->${path}`

/** An entry. */
export interface MapEntry {
  map: Readonly<BpfMap>
  /** Of the element in a table; null in an array, where the map is one object. */
  address: bigint | null
  /** Of an array, the index as four bytes. */
  key: Uint8Array | null
  value: Uint8Array | null
}

/** Entries of maps, or of that with an id, in the maps' order. An array's entries of zeros alone are left out. */
export function readMapEntries(kernel: Kernel, id: number | null): MapEntry[] {
  const maps = readMaps(kernel).filter((map) => id === null || map.id === id)
  const other = maps.filter(({ type }) => type !== 'array' && !TABLES.has(type ?? ''))
  if (other.length > 0) {
    const types = [...new Set(other.map(({ type }) => type))].join(', ')
    kernel.warn({
      code: 'note',
      message: `contents of maps of other types are not shown: ${types}`,
      count: other.length,
    })
  }
  const tables = readTables(
    kernel,
    maps.filter(({ type }) => TABLES.has(type ?? '')),
  )
  const entries = maps.flatMap((map) => tables.get(map) ?? (map.type === 'array' ? readArray(kernel, map) : []))
  // Asked with no map, too, so that what it needs of a kernel is known.
  if (maps.length === 0) readArray(kernel, null)
  entries.length = kernel.capped('entries of BPF maps', entries.length, MOST_ENTRIES)
  return entries
}

function readTables(kernel: Kernel, maps: readonly Readonly<BpfMap>[]): Map<Readonly<BpfMap>, MapEntry[]> {
  // From a bucket on, the map is two walks up.
  const elements = {
    walk: hash(TABLE('buckets'), 'struct htab_elem', 'hash_node', { count: TABLE('n_buckets'), head: 'head' }),
    select: {
      key: bytes('key', { length: '^.key_size', max: MOST_BYTES }),
      // Values begin at a multiple of eight bytes.
      value: bytes('key[(^.key_size + 7 & ~7)]', { length: '^.value_size', max: MOST_BYTES }),
    },
  }
  const batch = kernel
    .at(
      maps.map(({ address }) => address),
      MAP,
    )
    .select({}, { elements })
  const found = batch.child('elements')
  const entries = new Map<Readonly<BpfMap>, MapEntry[]>(maps.map((map) => [map, []]))
  for (let row = 0; row < found.length; row++) {
    const map = maps[found.parents[row] ?? 0]
    if (map === undefined) continue
    const [key, value] = [found.column('key').bytes(row), found.column('value').bytes(row)]
    entries.get(map)?.push({ map, address: found.address(row), key, value })
  }
  for (const list of entries.values()) list.sort((left, right) => Buffer.compare(left.key ?? EMPTY, right.key ?? EMPTY))
  return entries
}

const EMPTY = new Uint8Array()

function readArray(kernel: Kernel, map: Readonly<BpfMap> | null): MapEntry[] {
  const size = kernel.at(map === null ? [] : [map.address], MAP).select({ element: ARRAY('elem_size') })
  const element = size.length === 0 ? 0 : (size.column('element').number(0) ?? 0)
  const length = Math.min(element * (map?.max_entries ?? 0), MOST_ARRAY)
  if (element * (map?.max_entries ?? 0) > MOST_ARRAY) {
    kernel.warn({ code: 'cap', message: `of an array only the first ${MOST_ARRAY} bytes are shown` })
  }
  const batch = kernel
    .at(size.addresses, MAP)
    .select({ values: bytes(ARRAY('value'), { length, max: Math.max(length, 1) }) })
  const values = batch.length === 0 ? null : batch.column('values').bytes(0)
  if (map === null || values === null || element === 0) return []
  const entries: MapEntry[] = []
  for (let at = 0; at + element <= values.length; at += element) {
    const value = values.subarray(at, at + Math.min(element, map.value_size ?? element))
    if (value.every((byte) => byte === 0)) continue
    const key = new Uint8Array(4)
    new DataView(key.buffer).setUint32(0, at / element, true)
    entries.push({ map, address: null, key, value })
  }
  return entries
}
