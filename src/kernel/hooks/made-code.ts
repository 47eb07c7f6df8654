/** Code that the kernel makes itself and that has no symbol: BPF programs and trampolines, and those of ftrace. */

import type { Kernel } from '../kernel.js'
import { unlessLacking } from '../lacking.js'
import { list } from '../query.js'
import { chained } from './tables.js'

/** From the first byte to behind the last. */
export type CodeRange = readonly [start: bigint, end: bigint]

export function madeCode(kernel: Kernel): CodeRange[] {
  return [...programRanges(kernel), ...trampolineRanges(kernel)]
}

export function isWithin(ranges: readonly CodeRange[], address: bigint): boolean {
  return ranges.some(([start, end]) => address >= start && address < end)
}

/** From 5.7 on the kernel keeps a range for each. */
function programRanges(kernel: Kernel): CodeRange[] {
  const ranges = unlessLacking(() =>
    kernel
      .at(kernel.addresses('bpf_kallsyms'), 'struct list_head')
      .walk(list('', 'struct bpf_ksym', 'lnode'))
      .select({ start: 'start', end: 'end' }),
  ).value
  return Array.from({ length: ranges?.length ?? 0 }, (_, row) => [
    ranges?.column('start').bigint(row) ?? 0n,
    ranges?.column('end').bigint(row) ?? 0n,
  ])
}

function trampolineRanges(kernel: Kernel): CodeRange[] {
  const ops = chained(kernel, 'ftrace_ops_list', 'struct ftrace_ops', {
    start: 'trampoline',
    size: 'trampoline_size',
  })
  return Array.from({ length: ops?.length ?? 0 }, (_, row) => {
    const start = ops?.column('start').bigint(row) ?? 0n
    return [start, start + (ops?.column('size').bigint(row) ?? 0n)]
  })
}
