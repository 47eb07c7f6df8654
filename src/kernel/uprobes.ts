/** `struct uprobe`: breakpoints in programs and libraries, whoever set them (kernel/events/uprobes.c). */

import type { Kernel } from './kernel.js'
import { chain, dentryPath, firstOf, list, type Nested, rbtree } from './query.js'

/** A breakpoint at a place of a file. */
export interface Uprobe {
  address: bigint
  /** Path of the file within its file system, by one of its names. */
  path: string | null
  offset: number | bigint | null
  /** Functions that are called where it is hit. */
  handlers: bigint[]
}

/** From 6.12 on consumers are on a list. */
const CONSUMERS = {
  walk: firstOf(
    list('consumers', 'struct uprobe_consumer', 'cons_node'),
    chain('consumers', 'struct uprobe_consumer', 'next'),
  ),
  select: { handler: 'handler', returned: 'ret_handler' },
} satisfies Nested

/** Every uprobe, by inode and offset. */
export function readUprobes(kernel: Kernel): Uprobe[] {
  const named = (link: string) => `container_of(inode->i_dentry.first, struct dentry, ${link})`
  const batch = kernel
    .at(kernel.addresses('uprobes_tree'), 'struct rb_root')
    .walk(rbtree('', 'struct uprobe', 'rb_node'))
    .select({ path: dentryPath([named('d_u.d_alias'), named('d_alias')]), offset: 'offset' }, { consumers: CONSUMERS })
  const consumers = batch.child('consumers')
  const consumersOf = consumers.byParent()
  return Array.from({ length: batch.length }, (_, row) => ({
    address: batch.address(row),
    path: batch.column('path').text(row),
    offset: batch.column('offset').exact(row),
    handlers: (consumersOf.get(row) ?? []).flatMap((consumer) =>
      [consumers.column('handler').bigint(consumer), consumers.column('returned').bigint(consumer)].filter(
        (handler): handler is bigint => handler !== null && handler !== 0n,
      ),
    ),
  }))
}
