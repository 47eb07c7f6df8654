/** Names of numbers that are no members: the index of an array that an enumeration counts, a number out of a text. */

import type { Kernel } from './kernel.js'
import { constantName, type Paths } from './query.js'

/** What an enumeration, the first of some that this kernel has, calls the numbers below `count`; digits where it has no name. */
export function constantNames(kernel: Kernel, enumeration: Paths, count: number): string[] {
  // A pointer has the value of its object's address, and nothing is read to know it.
  const numbers = BigUint64Array.from({ length: count }, (_, number) => BigInt(number))
  const self = 'container_of(, struct list_head, next)'
  const batch = kernel.at(numbers, 'struct list_head').select({ name: constantName(self, enumeration) })
  return Array.from({ length: count }, (_, row) => batch.column('name').text(row) ?? `${row}`)
}
