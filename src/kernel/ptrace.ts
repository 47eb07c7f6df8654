/** Who traces whom: `task_struct.ptrace` of the traced thread, and the list of its tracer (kernel/ptrace.c). */

import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { list, type Nested } from './query.js'

/** PT_SEIZED (include/linux/ptrace.h). */
const SEIZED = 0x10000
/** PT_OPT_FLAG_SHIFT: where the options of PTRACE_SETOPTIONS begin. */
const FIRST_OPTION = 3
/** PTRACE_O_* by their bits (include/uapi/linux/ptrace.h). */
const OPTIONS: readonly (readonly [number, string])[] = [
  [0, 'TRACESYSGOOD'],
  [1, 'TRACEFORK'],
  [2, 'TRACEVFORK'],
  [3, 'TRACECLONE'],
  [4, 'TRACEEXEC'],
  [5, 'TRACEVFORKDONE'],
  [6, 'TRACEEXIT'],
  [7, 'TRACESECCOMP'],
  [20, 'EXITKILL'],
  [21, 'SUSPEND_SECCOMP'],
]

/** A traced thread. */
export interface Tracee {
  /** Of its `task_struct`. */
  task: bigint
  /** Of its tracer's. */
  tracer: bigint | null
  seized: boolean | null
  /** `PTRACE_O_…`. */
  options: string[] | null
  /** What says so: the thread's own flags, its tracer's list. */
  found_by: string[]
}

const TRACED = {
  walk: list('ptraced', TASK_STRUCT, 'ptrace_entry'),
  // A traced thread is its tracer's child for the time being.
  rules: [{ path: 'parent', is: 'origin' }],
  select: {},
} satisfies Nested

/** Of some tasks those that are traced, in their order; a thread that only one of both sides knows is among them. */
export function readTracees(kernel: Kernel, tasks: readonly bigint[]): Tracee[] {
  const batch = kernel.at(tasks, TASK_STRUCT).select({ flags: 'ptrace', parent: 'parent' }, { traced: TRACED })
  const traced = batch.child('traced')
  const tracers = new Map(Array.from(traced.addresses, (task, row) => [task, batch.address(traced.parents[row] ?? 0)]))
  return Array.from({ length: batch.length }, (_, row) => row).flatMap((row): Tracee[] => {
    const task = batch.address(row)
    const flags = batch.column('flags').number(row)
    const tracer = tracers.get(task)
    if (flags === 0 && tracer === undefined) return []
    const flagged = flags !== null && flags !== 0
    return [
      {
        task,
        tracer: tracer ?? batch.column('parent').bigint(row),
        seized: flags === null ? null : (flags & SEIZED) !== 0,
        options: flags === null ? null : optionsOf(flags),
        found_by: [...(flagged ? ['thread'] : []), ...(tracer === undefined ? [] : ['tracer'])],
      },
    ]
  })
}

function optionsOf(flags: number): string[] {
  return OPTIONS.filter(([bit]) => (flags & (1 << (bit + FIRST_OPTION))) !== 0).map(([, name]) => `PTRACE_O_${name}`)
}
