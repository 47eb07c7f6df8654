/** Pages that nobody has: the buddy allocator's free blocks, and those that processors keep at hand (mm/page_alloc.c). */

import type { Kernel } from '../kernel.js'
import { native } from '../native.js'
import { array, firstOf, index, list, type Nested, perCpuCopies } from '../query.js'
import type { Stretch } from './stretch.js'

const NODE = 'struct pglist_data'
/** No kernel has more nodes (CONFIG_NODES_SHIFT is 10 at most). */
const MOST_NODES = 1 << 10
/** MAX_ORDER: no allocation of pages is larger on x86-64 or arm64 (include/linux/mmzone.h, arch/arm64/Kconfig). */
const MOST_ORDER = 13
/** MIGRATE_PCPTYPES, and lists up to PAGE_ALLOC_COSTLY_ORDER before those of huge pages (include/linux/mmzone.h). */
const KINDS = 3
const LOW_ORDERS = 4
/** Of a huge page of 2 MiB. */
const HUGE_ORDER = 9

const BLOCKS = {
  walk: list('', 'struct page', 'lru'),
  select: { order: 'private' },
} satisfies Nested

const AREAS = {
  walk: array('free_area'),
  select: { order: index() },
  children: { lists: { walk: array('free_list'), select: {}, children: { blocks: BLOCKS } } },
} satisfies Nested

const AT_HAND = {
  walk: firstOf(perCpuCopies('per_cpu_pageset'), perCpuCopies('pageset')),
  select: {},
  children: {
    lists: { walk: array(['lists', 'pcp.lists']), select: { kind: index() }, children: { blocks: BLOCKS } },
  },
} satisfies Nested

const ZONES = {
  walk: array('node_zones'),
  select: {},
  children: { areas: AREAS, at_hand: AT_HAND },
} satisfies Nested

/** Free memory in ascending stretches; what lists name that cannot be free is left out, and told. */
export function readFreePages(kernel: Kernel): Stretch[] {
  const zones = kernel.at(nodes(kernel), NODE).walk(ZONES.walk).select(ZONES.select, ZONES.children)
  const pages = native.pageStructs(kernel.id)
  if (pages === null) return []
  const size = kernel.info.page_size
  const free: Stretch[] = []
  let doubtful = 0
  const add = (page: bigint, order: number) => {
    const distance = Number(page - pages.first)
    const start = (distance / pages.size) * size
    if (distance >= 0 && Number.isInteger(start) && order <= MOST_ORDER && start % (size << order) === 0) {
      free.push({ start, end: start + size * 2 ** order })
    } else doubtful++
  }
  const areas = zones.child('areas')
  const lists = areas.child('lists')
  const blocks = lists.child('blocks')
  for (let row = 0; row < blocks.length; row++) {
    const order = areas.column('order').number(lists.parents[blocks.parents[row] ?? 0] ?? 0) ?? 0
    // The first page of a block keeps its order as well.
    if (blocks.column('order').number(row) === order) add(blocks.address(row), order)
    else doubtful++
  }
  const kept = zones.child('at_hand').child('lists')
  const single = kept.child('blocks')
  for (let row = 0; row < single.length; row++) {
    const kind = kept.column('kind').number(single.parents[row] ?? 0) ?? 0
    add(single.address(row), kind >= KINDS * LOW_ORDERS ? HUGE_ORDER : Math.floor(kind / KINDS))
  }
  if (doubtful > 0) {
    kernel.warn({ code: 'torn', message: 'lists of free pages name some that are not free', count: doubtful })
  }
  return free
}

/** Every node's memory; a kernel without NUMA has one. */
function nodes(kernel: Kernel): bigint[] {
  const table = kernel.address('node_data')
  const only = kernel.address('contig_page_data')
  const counted = kernel.address('nr_node_ids')
  const counts = kernel.at(counted === null ? [] : [counted], 'unsigned int').select({ count: '' })
  const count = Math.min(counted === null ? MOST_NODES : (counts.column('count').number(0) ?? 1), MOST_NODES)
  const slots = table === null ? [] : Array.from({ length: count }, (_, node) => table + BigInt(node) * 8n)
  const pointers = kernel.at(slots, 'unsigned long').select({ node: '' })
  const found = Array.from({ length: pointers.length }, (_, row) => pointers.column('node').bigint(row) ?? 0n)
  return [...found, ...(only === null ? [] : [only])].filter((node) => node !== 0n)
}
