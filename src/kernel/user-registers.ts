/** Registers of user mode, which a thread leaves at the top of its kernel stack (task_pt_regs()). */

import { append } from '../append.js'
import type { Kernel } from './kernel.js'
import { type Mapping, readMappings } from './mappings.js'
import { TASK_STRUCT } from './objects.js'
import { bytes, optional } from './query.js'
import { sizeOf } from './sizes.js'
import { readTaskStacks } from './task-stacks.js'

const REGS = 'struct pt_regs'
/** TOP_OF_KERNEL_STACK_PADDING (arch/x86/include/asm/thread_info.h): none, or two words of a kernel that can use FRED. */
const PADDINGS = [0n, 16n]
/** The part of a segment's number that tells user mode (SEGMENT_RPL_MASK, arch/x86/include/asm/segment.h). */
const USER = 3
/** The exception level, which is 0 in user mode (PSR_MODE_MASK without PSR_MODE32_BIT, arch/arm64/include/uapi/asm/ptrace.h). */
const LEVEL = 0xf

/** Where a thread goes on in user mode. */
export interface UserRegisters {
  task: bigint
  /** Whether it is on a processor: what it left when it last came into the kernel need not be true any more. */
  running: boolean
  instruction: bigint | null
  stack_pointer: bigint | null
  /** Number of the system call that it is in, in the table of its architecture; null in none. */
  syscall: number | null
  /** All of them, as `struct pt_regs` has them. */
  all: Uint8Array | null
}

const VALUES = {
  instruction: ['ip', 'pc'],
  stack_pointer: 'sp',
  syscall: ['orig_ax', 'syscallno'],
  cs: optional('cs'),
  ss: optional('ss'),
  state: optional('pstate'),
  all: bytes(''),
} as const

/** Registers of those of some tasks that have user memory, in their order. */
export function readUserRegisters(kernel: Kernel, tasks: readonly bigint[]): UserRegisters[] {
  const owners = kernel.at(tasks, TASK_STRUCT).select({ mm: 'mm' })
  const user = tasks.filter((_, row) => (owners.column('mm').bigint(row) ?? 0n) !== 0n)
  const stacks = readTaskStacks(kernel, user)
  const below = BigInt(sizeOf(kernel, REGS) ?? 0)
  const seen = PADDINGS.map((padding) =>
    registersAt(
      kernel,
      stacks.map(({ top }) => (top === null ? 0n : top - padding - below)),
    ),
  )
  // The kernel was built one way, for all threads.
  const most = seen.reduce((best, one) => (one.filter(isUser).length > best.filter(isUser).length ? one : best))
  return stacks.map(({ task, running }, index) => {
    const found = most[index]
    const registers = !running && found !== undefined && isUser(found) ? found : NOTHING
    const { instruction, stack_pointer, syscall, all } = registers
    return { task, running, instruction, stack_pointer, syscall, all }
  })
}

interface Registers extends Pick<UserRegisters, 'instruction' | 'stack_pointer' | 'syscall' | 'all'> {
  readonly cs: number | null
  readonly ss: number | null
  /** arm64's. */
  readonly state: number | null
}

const NOTHING: Registers = {
  instruction: null,
  stack_pointer: null,
  syscall: null,
  all: null,
  cs: null,
  ss: null,
  state: null,
}

/** Of x86-64 the segments are those of user mode, of arm64 the exception level is. */
function isUser({ instruction, cs, ss, state }: Registers): boolean {
  const [code, stack, level] = [(cs ?? USER) & USER, (ss ?? USER) & USER, (state ?? 0) & LEVEL]
  return instruction !== null && code === USER && stack === USER && level === 0
}

function registersAt(kernel: Kernel, addresses: readonly bigint[]): Registers[] {
  const batch = kernel.at(addresses, REGS).select(VALUES)
  return addresses.map((_, row) => {
    const syscall = BigInt.asIntN(64, batch.column('syscall').bigint(row) ?? -1n)
    return {
      instruction: batch.column('instruction').bigint(row),
      stack_pointer: batch.column('stack_pointer').bigint(row),
      syscall: syscall < 0n ? null : Number(syscall),
      cs: batch.column('cs').number(row),
      ss: batch.column('ss').number(row),
      state: batch.column('state').number(row),
      all: batch.column('all').bytes(row),
    }
  })
}

/** Where /proc has the command lines of some tasks from (get_mm_cmdline(), fs/proc/base.c); none of what has no memory. */
export function readCommandLines(kernel: Kernel, tasks: readonly bigint[]): Map<bigint, bigint> {
  const lines = kernel.at(tasks, TASK_STRUCT).select({ start: 'mm->arg_start' })
  return new Map(
    tasks.flatMap((task, row): [bigint, bigint][] => {
      const start = lines.column('start').bigint(row) ?? 0n
      return start === 0n ? [] : [[task, start]]
    }),
  )
}

/** Finds mappings of some tasks by address. */
export function mappingFinder(
  kernel: Kernel,
  tasks: readonly bigint[],
): (task: bigint, address: bigint | null) => Mapping | null {
  const areas = new Map<bigint, Mapping[]>()
  for (const mapping of readMappings(kernel, tasks)) append(areas, mapping.task, mapping)
  return (task, address) => (address === null ? null : mappingAt(areas.get(task) ?? [], address))
}

/** The one of some mappings, lowest first, that holds an address. */
function mappingAt(mappings: readonly Mapping[], address: bigint): Mapping | null {
  let [from, to] = [0, mappings.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((mappings[middle]?.end ?? 0n) <= address) from = middle + 1
    else to = middle
  }
  const found = mappings[from]
  return found !== undefined && found.start !== null && found.start <= address ? found : null
}
