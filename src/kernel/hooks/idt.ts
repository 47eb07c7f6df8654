/** The interrupt descriptor table (arch/x86/kernel/idt.c). */

import type { Kernel } from '../kernel.js'
import { array, index } from '../query.js'
import type { Pointer } from './pointer.js'

/** IDT_ENTRIES (arch/x86/include/asm/segment.h). */
const ENTRIES = 256
/** Handlers of devices, and those that were there before any, lie one after another; others begin at their symbols. */
const FITS = /^(\w+_(entries_start|handler_array)(\+0x[0-9a-f]+)?|[^+]+)$/

export function idtPointers(kernel: Kernel): Pointer[] {
  if (kernel.info.architecture !== 'x86_64') return []
  const gates = kernel
    .at(kernel.addresses('idt_table'), 'struct list_head')
    .walk(array('((struct gate_struct *)(container_of(, struct list_head, next)))', { count: ENTRIES }))
    .select({ vector: index(), low: 'offset_low', middle: 'offset_middle', high: 'offset_high' })
  return Array.from({ length: gates.length }, (_, row) => {
    const part = (name: 'low' | 'middle' | 'high') => gates.column(name).bigint(row) ?? 0n
    return {
      kind: 'idt',
      name: 'idt_table',
      index: gates.column('vector').number(row),
      address: part('low') | (part('middle') << 16n) | (part('high') << 32n),
      owner: 'kernel' as const,
      fits: (symbol: string) => FITS.test(symbol),
    }
  })
}
