/** Sizes of types. */

import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { ANYWHERE, addressOf } from './query.js'

/** How many bytes an object of a type has; null where this kernel has no such type. */
export function sizeOf(kernel: Kernel, type: string): number | null {
  // No memory is read to know where a second one would lie behind a first.
  const second = addressOf(`((${type} *)(container_of(, struct list_head, next)))[1]`)
  const batch = unlessLacking(() => kernel.at([ANYWHERE], 'struct list_head').select({ second })).value
  const at = batch?.column('second').bigint(0) ?? null
  return at === null ? null : Number(at - ANYWHERE)
}
