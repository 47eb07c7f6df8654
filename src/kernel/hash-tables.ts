/** The kernel's global hash tables: the view of all objects of a kind that is left where a list of some is torn. */

import { append } from '../append.js'
import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { hash, type Selects } from './query.js'

/** Buckets that are looked at: what a machine with 64 TiB of memory has. */
const MOST_BITS = 33

/** Where a table is, how its size is told, and how its objects hang in it. */
interface TableOf {
  /** A variable that points to the first bucket. */
  symbol: string
  head: string
  /** A variable: how far a 32-bit hash is shifted to make an index of it. */
  shift?: string
  /** A variable: the greatest index. */
  mask?: string
  type: string
  link: string
}

/** Every dentry that has a name (fs/dcache.c). */
const DENTRIES: TableOf = {
  symbol: 'dentry_hashtable',
  head: 'struct hlist_bl_head',
  shift: 'd_hash_shift',
  type: 'struct dentry',
  link: 'd_hash',
}

/** Every mount that is mounted on another (fs/namespace.c). */
const MOUNTS: TableOf = {
  symbol: 'mount_hashtable',
  head: 'struct hlist_head',
  mask: 'm_hash_mask',
  type: 'struct mount',
  link: 'mnt_hash',
}

/** All of a table's objects, or null where this kernel does not say how large it is. */
function whole<const S extends Selects>(kernel: Kernel, table: TableOf, select: S): Batch<S> | null {
  const count = buckets(kernel, table)
  if (count === null || kernel.address(table.symbol) === null) return null
  // Its chains are torn like the list that it stands in for, and that was told.
  return kernel
    .leftovers()
    .symbol(table.symbol, `${table.head} *`)
    .walk(hash('', table.type, table.link, { count }))
    .select(select)
}

function buckets(kernel: Kernel, { shift, mask }: TableOf): number | null {
  const read = (symbol: string) =>
    kernel.address(symbol) === null
      ? null
      : kernel.symbol(symbol, 'unsigned int').select({ value: '' }).column('value').number(0)
  if (shift !== undefined) {
    const bits = read(shift)
    return bits === null || bits > 32 ? null : 2 ** Math.min(32 - bits, MOST_BITS)
  }
  const greatest = mask === undefined ? null : read(mask)
  return greatest === null ? null : greatest + 1
}

/** Children of directories, by the directory's dentry, as the dentry hash table has them. */
export function hashedChildren(kernel: Kernel): Map<bigint, bigint[]> {
  return grouped(whole(kernel, DENTRIES, { owner: 'd_parent' }))
}

/** Mounts of namespaces, by the `struct mnt_namespace`, as the mount hash table has them. */
export function hashedMounts(kernel: Kernel): Map<bigint, bigint[]> {
  return grouped(whole(kernel, MOUNTS, { owner: 'mnt_ns' }))
}

function grouped(batch: Batch<{ owner: string }> | null): Map<bigint, bigint[]> {
  const groups = new Map<bigint, bigint[]>()
  for (let row = 0; row < (batch?.length ?? 0); row++) {
    append(groups, batch?.column('owner').bigint(row) ?? 0n, batch?.address(row) ?? 0n)
  }
  return groups
}
