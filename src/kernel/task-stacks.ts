/**
 * Kernel stacks of tasks: what a task that sleeps has on its stack, up to the top (arch/x86/include/asm/switch_to.h,
 * arch/arm64/include/asm/processor.h).
 */

import type { Kernel } from './kernel.js'
import { kernelMemory } from './kernel-code.js'
import { TASK_STRUCT } from './objects.js'
import { addressOf, optional } from './query.js'
import type { Saved, Stack } from './unwind.js'

/** THREAD_SIZE at least and at most: 16 KiB, four times that where the kernel checks its own memory (KASAN). */
const LEAST = 1 << 14
const MOST = 1 << 16

/** A task's stack. */
export interface TaskStack {
  task: bigint
  /** Whether it is on a processor: its stack and its registers are being changed, and nobody saved them. */
  running: boolean
  /** Of the first byte behind the stack; null of a task that has none any more. */
  top: bigint | null
  /** Null where it runs, has none or it cannot be read. */
  stack: Stack | null
  saved: Saved | null
}

const MEMBERS = {
  base: 'stack',
  pages: optional('stack_vm_area->nr_pages'),
  running: optional('on_cpu'),
  sp: ['thread.sp', 'thread.cpu_context.sp'],
  bp: ['((struct inactive_task_frame *)thread.sp)->bp', 'thread.cpu_context.fp'],
  ip: ['((struct inactive_task_frame *)thread.sp)->ret_addr', 'thread.cpu_context.pc'],
  /** The stack pointer of who called is behind the return address. */
  pushed: optional(addressOf('((struct inactive_task_frame *)thread.sp)->ret_addr')),
} as const

/** The stacks of some tasks, in their order. */
export function readTaskStacks(kernel: Kernel, tasks: readonly bigint[]): TaskStack[] {
  const memory = kernelMemory(kernel)
  const size = stackSize(kernel)
  const rows = kernel.at(tasks, TASK_STRUCT).select(MEMBERS)
  const column = (name: keyof typeof MEMBERS, row: number) => rows.column(name).bigint(row)
  return Array.from({ length: rows.length }, (_, row) => {
    const task = rows.address(row)
    const [base, sp, bp, ip] = [column('base', row), column('sp', row), column('bp', row), column('ip', row)]
    const running = column('running', row) === 1n
    const pages = column('pages', row)
    const top = base ? base + BigInt(pages ? Number(pages) * kernel.info.page_size : size) : null
    const none = { task, running, top, stack: null, saved: null }
    if (running || top === null || base === null || sp === null || bp === null || ip === null) return none
    if (sp < base || sp >= top || top - base > BigInt(MOST)) return none
    const words = memory?.readWhole(sp, Number(top - sp)) ?? null
    if (words === null) return none
    const pushed = column('pushed', row)
    return { ...none, stack: { start: sp, bytes: words }, saved: { ip, bp, sp: pushed === null ? sp : pushed + 8n } }
  })
}

/** THREAD_SIZE, of the stack that the kernel was built with: the first task's, behind which something else begins. */
function stackSize(kernel: Kernel): number {
  const first = kernel.address('init_stack') ?? kernel.address('init_thread_union')
  if (first === null) return LEAST
  for (let size = LEAST; size < MOST; size *= 2) {
    const [place] = kernel.unheard().resolve([first + BigInt(size)])
    if (place?.symbol !== 'init_stack' && place?.symbol !== 'init_thread_union') return size
  }
  return MOST
}
