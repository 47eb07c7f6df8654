/** `struct kmem_cache`: every slab cache that the kernel knows (mm/slab_common.c). */

import type { Kernel } from '../kernel.js'
import { text } from '../query.js'

/** A slab cache. */
export interface SlabCache {
  name: string | null
  /** Bytes from one object to the next. */
  size: number | null
}

/** All slab caches by their addresses; read once per image. */
export function readSlabCaches(kernel: Kernel): ReadonlyMap<bigint, Readonly<SlabCache>> {
  return kernel.once(readCaches)
}

function readCaches(kernel: Kernel): Map<bigint, SlabCache> {
  const caches = kernel
    .list('slab_caches', 'struct kmem_cache', 'list')
    .select({ name: text('name', 128), size: 'size' })
  return new Map(
    Array.from({ length: caches.length }, (_, row) => [
      caches.address(row),
      { name: caches.column('name').text(row), size: caches.column('size').number(row) },
    ]),
  )
}
