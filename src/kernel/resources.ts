/** `struct resource`: what takes which physical addresses, as /proc/iomem shows it (kernel/resource.c). */

import type { Kernel } from './kernel.js'
import { chain, type Nested, text } from './query.js'

/** A range of physical addresses that something has taken. */
export interface Resource {
  /** Of the `struct resource`. */
  address: bigint
  start: bigint | null
  /** Its last address. */
  end: bigint | null
  name: string | null
  /** How many others it lies within. */
  depth: number
}

const RESOURCE = 'struct resource'
/** Deeper than any machine's buses: what goes on is damage. */
const DEEPEST = 32

const WITHIN = {
  walk: chain('child', RESOURCE, 'sibling'),
  rules: [{ path: 'parent', is: 'origin' }],
  select: { start: 'start', end: 'end', name: text('name', 256) },
} satisfies Nested

/** All of them, each followed by those within it. */
export function readResources(kernel: Kernel): Resource[] {
  const root = kernel.address('iomem_resource')
  const within = new Map<bigint, Resource[]>()
  let level = root === null ? [] : [root]
  for (let depth = 0; level.length > 0 && depth < DEEPEST; depth++) {
    const found = kernel.at(level, RESOURCE).select({}, { within: WITHIN }).child('within')
    for (let row = 0; row < found.length; row++) {
      const resource = {
        address: found.address(row),
        start: found.column('start').bigint(row),
        end: found.column('end').bigint(row),
        name: found.column('name').text(row),
        depth,
      }
      const parent = level[found.parents[row] ?? 0] ?? 0n
      const known = within.get(parent)
      if (known) known.push(resource)
      else within.set(parent, [resource])
    }
    level = [...found.addresses]
  }
  if (level.length > 0)
    kernel.warn({ code: 'cap', message: `resources lie more than ${DEEPEST} deep`, count: level.length })
  return root === null ? [] : inOrder(within, root)
}

/** A parent leads to each of its own alone, so that there is no way around. */
function inOrder(within: ReadonlyMap<bigint, readonly Resource[]>, parent: bigint): Resource[] {
  return (within.get(parent) ?? []).flatMap((resource) => [resource, ...inOrder(within, resource.address)])
}
