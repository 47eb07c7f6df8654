/** `struct kthread`: what the kernel's own threads run (kernel/kthread.c), and the work of those that do it for others. */

import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { moduleAt, type Nested, object, optional, symbolAt, text } from './query.js'

/** PF_WQ_WORKER (include/linux/sched.h). */
const PF_WQ_WORKER = 0x20
/** Longest name that is read: full names are made by kvasprintf() and have no bound of their own. */
const LONGEST_NAME = 256

/** Where a task has its `struct kthread`: until 5.16 in a member that only users' threads have another use for. */
const KTHREAD = ['((struct kthread *)worker_private)', '((struct kthread *)set_child_tid)']

/** A thread of the kernel. */
export interface KernelThread {
  task: bigint
  /** As /proc has it: whole, and of a worker with what it works on. */
  name: string | null
  /** What it runs. */
  function: bigint | null
  symbol: string | null
  module: string | null
  /** What its function was given. */
  data: bigint | null
  /** Of a worker: what it is doing, and what it did last. */
  work: string | null
  last_work: string | null
  workqueue: string | null
}

const THREAD = {
  walk: object(KTHREAD),
  rules: [
    { path: 'task', is: 'origin' },
    { path: 'full_name', is: 'pointer_or_null' },
  ],
  select: {
    function: optional('threadfn'),
    symbol: optional(symbolAt('threadfn')),
    module: optional(moduleAt('threadfn')),
    data: 'data',
    name: optional(text('full_name', LONGEST_NAME)),
  },
} satisfies Nested

const WORKER = {
  task: 'task',
  pool: 'pool',
  busy: 'current_work',
  work: symbolAt('current_func'),
  last: optional(symbolAt('last_func')),
  queue: text('desc'),
} as const

/** What some tasks of the kernel are, in their order. */
export function readKernelThreads(kernel: Kernel, tasks: readonly bigint[]): KernelThread[] {
  const batch = kernel.at(tasks, TASK_STRUCT).select({ comm: text('comm'), flags: 'flags' }, { thread: THREAD })
  const threads = batch.child('thread')
  const rows = new Map([...threads.parents].map((parent, row) => [parent, row]))
  const isWorker = (row: number) => ((batch.column('flags').number(row) ?? 0) & PF_WQ_WORKER) !== 0
  const data = Array.from({ length: batch.length }, (_, row) => {
    const thread = rows.get(row)
    return thread === undefined ? null : threads.column('data').bigint(thread)
  })
  const workers = readWorkers(kernel, new Set(data.filter((address, row) => address !== null && isWorker(row))))
  return Array.from({ length: batch.length }, (_, row): KernelThread => {
    const [task, thread, argument] = [batch.address(row), rows.get(row), data[row] ?? null]
    const found = isWorker(row) ? workers.get(argument ?? 0n) : undefined
    // A worker knows its thread.
    const worker = found?.task === task ? found : undefined
    const whole = thread === undefined ? null : threads.column('name').text(thread)
    const name = whole ?? batch.column('comm').text(row)
    return {
      task,
      name: name === null ? null : `${name}${worker?.doing ?? ''}`,
      function: thread === undefined ? null : threads.column('function').bigint(thread),
      symbol: thread === undefined ? null : threads.column('symbol').text(thread),
      module: thread === undefined ? null : threads.column('module').text(thread),
      data: argument,
      work: worker?.work ?? null,
      last_work: worker?.last ?? null,
      workqueue: worker?.queue ?? null,
    }
  })
}

interface Worker {
  task: bigint | null
  /** What stands behind its name in /proc: its queue, with a plus while it works (wq_worker_comm()). */
  doing: string
  queue: string | null
  work: string | null
  last: string | null
}

function readWorkers(kernel: Kernel, addresses: ReadonlySet<bigint | null>): Map<bigint, Worker> {
  const asked = [...addresses].filter((address): address is bigint => address !== null)
  const batch = kernel.at(asked, 'struct worker').select(WORKER)
  return new Map(
    Array.from({ length: batch.length }, (_, row) => {
      const [pool, busy] = [batch.column('pool').bigint(row), batch.column('busy').bigint(row)]
      const queue = batch.column('queue').text(row) || null
      const worker: Worker = {
        task: batch.column('task').bigint(row),
        doing: queue === null || !pool ? '' : `${busy ? '+' : '-'}${queue}`,
        queue,
        work: batch.column('work').text(row),
        last: batch.column('last').text(row),
      }
      return [batch.address(row), worker]
    }),
  )
}
