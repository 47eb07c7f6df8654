/** Sets and maps of nf_tables with their elements (net/netfilter/nft_set_*.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { readParts } from './parts.js'
import {
  addressOf,
  array,
  hash,
  list,
  type Nested,
  optional,
  rbtree,
  rhashtable,
  symbolAt,
  text,
  type Walk,
} from './query.js'

/** NFT_SET_* (include/uapi/linux/netfilter/nf_tables.h). */
const ANONYMOUS = 1
const INTERVAL = 4
const MAP = 8
const OBJECT = 0x40
/** NFT_DATA_VERDICT: what a map gives is a verdict. */
const VERDICT = 0xffff_ff00

/** A set, map or verdict map. */
export interface NftSet {
  address: bigint
  /** Of its table. */
  table: bigint
  name: string | null
  handle: bigint | null
  anonymous: boolean
  /** Whether its keys are ends of ranges. */
  interval: boolean
  gives: 'verdict' | 'value' | 'object' | null
  /** What user space calls the types of keys and values, six bits for each part. */
  keyType: number
  dataType: number
  keyLength: number
  elements: NftElement[]
}

/** An element. */
export interface NftElement {
  key: Uint8Array | null
  /** The last key of a range, where the set keeps both with one element. */
  keyEnd: Uint8Array | null
  /** A value, or a verdict's code and chain; null for what has none. */
  data: Uint8Array | null
  /** Whether it is the first key behind a range. */
  end: boolean
  /** Whether it is for all other keys. */
  catchall: boolean
}

const SETS = {
  select: {
    ...{ table: 'table', name: text('name', 256), handle: 'handle', flags: 'flags', walk: symbolAt('ops->walk') },
    ...{ ktype: 'ktype', dtype: 'dtype', klen: 'klen', dlen: 'dlen', data: addressOf('data') },
  },
} as const

const extension = (name: string) => `ext.offset[NFT_SET_EXT_${name}]`
const ELEMENT = {
  ext: addressOf('ext'),
  key: extension('KEY'),
  key_end: optional(extension('KEY_END')),
  data: extension('DATA'),
  flags: extension('FLAGS'),
} as const

/** How each kind of set keeps its elements, by the function that walks through them. */
const KINDS: Readonly<Record<string, { type: string; walk: Walk }>> = {
  nft_rhash_walk: {
    type: 'nf_tables:struct nft_rhash',
    walk: rhashtable('ht', 'nf_tables:struct nft_rhash_elem', 'node'),
  },
  nft_hash_walk: {
    type: 'nf_tables:struct nft_hash',
    walk: hash('table', 'nf_tables:struct nft_hash_elem', 'node', { count: 'buckets' }),
  },
  nft_rbtree_walk: {
    type: 'nf_tables:struct nft_rbtree',
    walk: rbtree('root', 'nf_tables:struct nft_rbtree_elem', 'node'),
  },
  nft_bitmap_walk: {
    type: 'nf_tables:struct nft_bitmap',
    walk: list('list', 'nf_tables:struct nft_bitmap_elem', 'head'),
  },
  // The rules of the last field lead to elements (net/netfilter/nft_set_pipapo.c).
  nft_pipapo_walk: {
    type: 'nf_tables:struct nft_pipapo',
    walk: array('((unsigned long *)match->f[(match->field_count - 1)].mt)', {
      count: 'match->f[(match->field_count - 1)].rules',
      pointers: true,
      type: 'nf_tables:struct nft_pipapo_elem',
    }),
  },
}

/** The sets of some tables; none where the kernel has no such types. */
export function readNftSets(kernel: Kernel, tables: readonly bigint[]): NftSet[] {
  const sets = {
    walk: list('sets', 'nf_tables:struct nft_set', 'list'),
    rules: [{ path: 'table', is: 'origin' }],
    ...SETS,
  } satisfies Nested
  const { value: found } = unlessLacking(() =>
    kernel.at(tables, 'nf_tables:struct nft_table').select({}, { sets }).child('sets'),
  )
  const elements = readElements(kernel, found)
  if (found === null) return []
  return Array.from({ length: found.length }, (_, row) => {
    const number = (name: keyof typeof SETS.select) => found.column(name).number(row) ?? 0
    const flags = number('flags')
    return {
      address: found.address(row),
      table: found.column('table').bigint(row) ?? 0n,
      name: found.column('name').text(row),
      handle: found.column('handle').bigint(row),
      anonymous: (flags & ANONYMOUS) !== 0,
      interval: (flags & INTERVAL) !== 0,
      gives: givesOf(flags, number('dtype')),
      keyType: number('ktype'),
      dataType: number('dtype'),
      keyLength: number('klen'),
      elements: elements.get(row) ?? [],
    }
  })
}

function givesOf(flags: number, type: number): NftSet['gives'] {
  if ((flags & OBJECT) !== 0) return 'object'
  if ((flags & MAP) === 0) return null
  return type === VERDICT ? 'verdict' : 'value'
}

type Sets = Batch<(typeof SETS)['select']>

/** Elements by the set's row. */
function readElements(kernel: Kernel, sets: Sets | null): Map<number, NftElement[]> {
  const result = new Map<number, NftElement[]>()
  for (const [walked, { type, walk }] of Object.entries(KINDS)) {
    const rows = Array.from({ length: sets?.length ?? 0 }, (_, row) => row).filter((row) => {
      const name = sets?.column('walk').text(row) ?? ''
      return name === walked || name.startsWith(`${walked} [`)
    })
    const places = rows.map((row) => sets?.column('data').bigint(row) ?? 0n)
    const elements = { walk, select: ELEMENT } satisfies Nested
    const { value } = unlessLacking(() => kernel.at(places, type).select({}, { elements }).child('elements'))
    const lengths = rows.map((row) => ({
      key: sets?.column('klen').number(row) ?? 0,
      data: sets?.column('dlen').number(row) ?? 0,
    }))
    const read = elementsOf(kernel, value, lengths)
    for (const [at, of] of value?.byParent() ?? [])
      result.set(
        rows[at] ?? 0,
        of.flatMap((element) => read[element] ?? []),
      )
  }
  return result
}

/** NFT_SET_ELEM_INTERVAL_END and NFT_SET_ELEM_CATCHALL. */
const INTERVAL_END = 1
const CATCHALL = 2

function elementsOf(
  kernel: Kernel,
  batch: Batch<typeof ELEMENT> | null,
  lengths: readonly { key: number; data: number }[],
): NftElement[] {
  const part = (row: number, name: 'key' | 'key_end' | 'data' | 'flags', length: number) => {
    const [start, offset] = [batch?.column('ext').bigint(row), batch?.column(name).bigint(row)]
    return { address: start && offset ? start + offset : 0n, length }
  }
  const rows = Array.from({ length: batch?.length ?? 0 }, (_, row) => row)
  const read = readParts(
    kernel,
    rows.flatMap((row) => {
      const { key = 0, data = 0 } = lengths[batch?.parents[row] ?? 0] ?? {}
      return [part(row, 'key', key), part(row, 'key_end', key), part(row, 'data', data), part(row, 'flags', 1)]
    }),
  )
  return rows.map((row) => {
    const [key = null, keyEnd = null, data = null, flags = null] = read.slice(4 * row, 4 * row + 4)
    const bits = flags?.[0] ?? 0
    return { key, keyEnd, data, end: (bits & INTERVAL_END) !== 0, catchall: (bits & CATCHALL) !== 0 }
  })
}
