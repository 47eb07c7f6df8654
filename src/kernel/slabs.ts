/** `struct kmem_cache`: caches of the kernel's objects, as /proc/slabinfo counts them (mm/slab_common.c, mm/slub.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { array, firstOf, list, type Nested, type Selects, symbolAt, text } from './query.js'

/** A cache. */
export interface SlabCache {
  /** Of the `struct kmem_cache`. */
  address: bigint
  name: string | null
  /** Objects in use; those that a processor keeps ready to give away count as such. */
  active: number | null
  /** Objects that there is room for. */
  objects: number | null
  /** Bytes from one to the next. */
  object_size: number | null
  objects_per_slab: number | null
  pages_per_slab: number | null
  slabs: number | null
  /** What makes a new object ready, if anything does. */
  constructor_symbol: string | null
}

const CACHE = 'struct kmem_cache'
/** Objects in one slab are the low bits of `oo`, the power of two of its pages the rest (OO_SHIFT). */
const ORDER_SHIFT = 16
const MOST_ORDER = 32

/** A slab with free objects; before 5.17 it is a page. */
const PARTIAL = {
  walk: firstOf(
    list(['partial', 'node->partial'], 'struct slab', 'slab_list'),
    list('partial', 'struct page', ['slab_list', 'lru']),
  ),
  select: { objects: 'objects', inuse: 'inuse' },
} satisfies Nested

/** What a cache has on each node of memory. */
const NODES = {
  walk: firstOf(
    array('node', { count: ['symbol(unsigned int nr_node_ids)'], pointers: true, type: 'struct kmem_cache_node' }),
    array('per_node', { count: ['symbol(unsigned int nr_node_ids)'] }),
    // A kernel built for one node has no number of them, and room for one pointer.
    array('node', { pointers: true, type: 'struct kmem_cache_node', most: 1 }),
  ),
  select: {
    slabs: ['nr_slabs.counter', 'node->nr_slabs.counter'],
    objects: ['total_objects.counter', 'node->total_objects.counter'],
  },
  children: { partial: PARTIAL },
} satisfies Nested

const COLUMNS = {
  name: text('name', 128),
  size: 'size',
  order: 'oo.x',
  constructor: symbolAt('ctor'),
} satisfies Selects

/** Caches in the kernel's order, newest first. */
export function readSlabs(kernel: Kernel): SlabCache[] {
  const caches = kernel.list('slab_caches', CACHE, 'list').select(COLUMNS, { nodes: NODES })
  const nodes = caches.child('nodes')
  const free = freeObjects(nodes.child('partial'))
  const byCache = nodes.byParent()
  return Array.from({ length: caches.length }, (_, row) => {
    const own = byCache.get(row) ?? []
    const objects = sum(own.map((node) => nodes.column('objects').number(node)))
    const unused = sum(own.map((node) => free.get(node) ?? 0))
    const packed = caches.column('order').number(row)
    return {
      address: caches.address(row),
      name: caches.column('name').text(row),
      active: objects === null || unused === null ? null : objects - unused,
      objects,
      object_size: caches.column('size').number(row),
      objects_per_slab: packed === null ? null : packed & ((1 << ORDER_SHIFT) - 1),
      pages_per_slab: packed === null ? null : pagesOf(packed),
      slabs: sum(own.map((node) => nodes.column('slabs').number(node))),
      constructor_symbol: caches.column('constructor').text(row),
    }
  })
}

function pagesOf(packed: number): number | null {
  const order = packed >>> ORDER_SHIFT
  return order < MOST_ORDER ? 2 ** order : null
}

function freeObjects(partial: Batch<(typeof PARTIAL)['select']>): Map<number, number> {
  const free = new Map<number, number>()
  for (let row = 0; row < partial.length; row++) {
    const [objects, inuse] = [partial.column('objects').number(row), partial.column('inuse').number(row)]
    const node = partial.parents[row] ?? 0
    free.set(node, (free.get(node) ?? 0) + Math.max(0, (objects ?? 0) - (inuse ?? 0)))
  }
  return free
}

function sum(numbers: readonly (number | null)[]): number | null {
  return numbers.reduce<number | null>((all, next) => (all === null || next === null ? null : all + next), 0)
}
