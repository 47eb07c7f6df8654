/** What modules keep of each network namespace: behind a number that each got for itself (include/net/netns/generic.h). */

import type { Kernel } from './kernel.js'

/** The number that a variable holds, by which `gen->ptr` has what a module keeps; null where the kernel has no such variable. */
export function netGenericId(kernel: Kernel, variable: string): number | null {
  const symbol = kernel.symbolAddress(variable)
  const ids = kernel.at(symbol === null ? [] : [symbol], 'unsigned int').select({ value: '' })
  return ids.column('value').number(0)
}
