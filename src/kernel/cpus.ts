/** Processors. */

import type { Kernel } from './kernel.js'
import { array } from './query.js'

/** How many processors are online: the bits set in `__cpu_online_mask`; null where it is not known. */
export function onlineCpus(kernel: Kernel): number | null {
  if (kernel.address('__cpu_online_mask') === null) return null
  const words = kernel.symbol('__cpu_online_mask', 'struct cpumask').walk(array('bits')).select({ word: '' })
  let online = 0
  for (let row = 0; row < words.length; row++) {
    const word = words.column('word').bigint(row)
    if (word === null) return null
    online += word.toString(2).replaceAll('0', '').length
  }
  return online
}
