/** Areas of the kernel's address space that loading a module made (mm/vmalloc.c): what hides a module leaves them. */

import type { Kernel } from './kernel.js'
import { array, list, type Nested, symbolAt } from './query.js'

/** An area, from its first byte to the one behind its last. */
export interface Area {
  start: bigint
  end: bigint
}

/** An area as the kernel knows it. */
export interface VmallocArea extends Area {
  /** Of the `struct vmap_area`. */
  address: bigint
  /** The function that asked for it. */
  caller: string | null
  /** Of the `struct vm_struct`. */
  flags: number
}

/** Nodes that areas are spread over from 6.9 on; more are damage. */
const MOST_NODES = 1 << 16
/** What modules' text is cut out of from 6.13 on (mm/execmem.c): it belongs to many, and to none at times. */
const SHARED = /^execmem_cache/
/** VM_ALLOW_HUGE_VMAP (include/linux/vmalloc.h): of all that modules have, only what is shared asks for it. */
const HUGE = 0x400

const SELECT = { start: 'va_start', end: 'va_end', caller: symbolAt('vm->caller'), flags: 'vm->flags' } as const
const ON_NODE = { walk: list('busy.head', 'struct vmap_area', 'list'), select: SELECT } satisfies Nested

function readAreas(kernel: Kernel): VmallocArea[] {
  const lists = kernel.at(kernel.addresses('vmap_area_list'), 'struct list_head')
  const nodes = kernel.at(kernel.addresses('vmap_nodes'), 'unsigned long')
  const batches = [
    kernel.attempt(() => lists.walk(list('', 'struct vmap_area', 'list')).select(SELECT)),
    kernel.attempt(() =>
      nodes
        .walk(array('((struct vmap_node *)symbol(unsigned long vmap_nodes))', { count: COUNT, most: MOST_NODES }))
        .select({}, { areas: ON_NODE })
        .child('areas'),
    ),
  ]
  return batches.flatMap((batch) =>
    Array.from({ length: batch?.length ?? 0 }, (_, row) => ({
      address: batch?.address(row) ?? 0n,
      start: batch?.column('start').bigint(row) ?? 0n,
      end: batch?.column('end').bigint(row) ?? 0n,
      flags: Number(batch?.column('flags').bigint(row) ?? 0n),
      // Without the distance into it.
      caller:
        batch
          ?.column('caller')
          .text(row)
          ?.replace(/\+0x[0-9a-f]+( \[.*\])?$/, '') ?? null,
    })),
  )
}

const COUNT = 'symbol(unsigned int nr_vmap_nodes)'

/**
 * Areas that were made as those of known modules were, and in which no module lies whose memory is `known`. `text` says
 * where modules' code begins.
 */
export function strayAreas(kernel: Kernel, text: readonly bigint[], known: readonly Area[]): VmallocArea[] {
  const areas = readAreas(kernel)
  const code = [...text].sort(ascending)
  const callers = new Set(areas.flatMap((area) => (holds(area, code) ? (area.caller ?? []) : [])))
  const starts = known.map(({ start }) => start).sort(ascending)
  return areas.filter(
    (area) =>
      area.caller !== null &&
      callers.has(area.caller) &&
      !SHARED.test(area.caller) &&
      !(area.caller.startsWith('execmem_') && (area.flags & HUGE) !== 0) &&
      !holds(area, starts),
  )
}

const ascending = (left: bigint, right: bigint) => (left < right ? -1 : left > right ? 1 : 0)

/** Whether one of some ascending addresses is in an area. */
function holds({ start, end }: Area, addresses: readonly bigint[]): boolean {
  let [low, high] = [0, addresses.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((addresses[middle] ?? 0n) < start) low = middle + 1
    else high = middle
  }
  const found = addresses[low]
  return found !== undefined && found < end
}
