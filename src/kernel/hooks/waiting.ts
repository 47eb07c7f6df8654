/** What the kernel will call later: timers (kernel/time/timer.c, hrtimer.c), and work that waits (kernel/workqueue.c). */

import type { Batch } from '../batch.js'
import type { Kernel } from '../kernel.js'
import { array, hlist, index, list, type Nested, rbtree, xarray } from '../query.js'
import type { Pointer } from './pointer.js'

/**
 * Wheels of a processor (NR_BASES): its own timers, and those that can wait; and between them, from 6.9 on, those that any
 * processor may run, for which each has a place in a hierarchy (kernel/time/timer_migration.c).
 */
const [WHEELS, WITH_SHARED, HIERARCHY] = [2, 3, 'tmigr_cpu']
/** What is read of all processors, and of all queues. */
const MOST = 1 << 16
/** What every delayed work's timer calls: the work itself says what comes then. */
const DELAYED = 'delayed_work_timer_fn'

const TIMERS = {
  walk: hlist('', 'struct timer_list', 'entry'),
  // A timer on a processor's wheel names that processor (TIMER_CPUMASK).
  rules: [{ path: 'flags & 0x3ffff', is: { equals: '^^.cpu' } }],
  select: { function: 'function', work: 'container_of(, struct delayed_work, timer)->work.func' },
} satisfies Nested

function timerPointers(kernel: Kernel): Pointer[] {
  const count = kernel.address(HIERARCHY) === null ? WHEELS : WITH_SHARED
  const wheels = {
    walk: array('', { count, type: 'struct timer_base' }),
    select: { cpu: 'cpu' },
    children: { vectors: { walk: array('vectors'), select: {}, children: { timers: TIMERS } } },
  } satisfies Nested
  const processors = kernel
    .perCpu('timer_bases', 'struct timer_base')
    .most(MOST)
    .select({ cpu: index() }, { bases: wheels })
  const bases = processors.child('bases')
  const timers = bases.child('vectors').child('timers')
  const delayed = kernel.address(DELAYED)
  return rows(timers).flatMap((row): Pointer[] => {
    const base = bases.child('vectors').parents[timers.parents[row] ?? 0] ?? 0
    const cpu = bases.column('cpu').number(base)
    if (cpu !== processors.column('cpu').number(bases.parents[base] ?? 0)) return []
    const address = timers.column('function').bigint(row) ?? 0n
    const name = `processor ${cpu}`
    const timer: Pointer = { kind: 'timer', name, index: null, address, owner: null }
    if (address !== delayed) return [timer]
    return [timer, { ...timer, kind: 'work', address: timers.column('work').bigint(row) ?? 0n }]
  })
}

const CLOCKS = {
  walk: array('clock_base'),
  select: {},
  children: {
    timers: {
      walk: rbtree(['active.rb_root.rb_root', 'active.head'], 'struct hrtimer', ['node.node.node', 'node.node']),
      rules: [{ path: 'base', is: 'origin' }],
      select: { function: 'function' },
    },
  },
} satisfies Nested

function fineTimerPointers(kernel: Kernel): Pointer[] {
  const processors = kernel
    .perCpu('hrtimer_bases', 'struct hrtimer_cpu_base')
    .most(MOST)
    .select({ cpu: index() }, { clocks: CLOCKS })
  const clocks = processors.child('clocks')
  const timers = clocks.child('timers')
  return rows(timers).map((row) => ({
    kind: 'timer',
    name: `processor ${processors.column('cpu').number(clocks.parents[timers.parents[row] ?? 0] ?? 0)}`,
    index: null,
    address: timers.column('function').bigint(row) ?? 0n,
    owner: null,
  }))
}

/** Work that no worker has taken yet; what waits for a moment first is at its timer. */
function workPointers(kernel: Kernel): Pointer[] {
  const pools = kernel
    .symbol('worker_pool_idr', 'struct idr')
    .walk(xarray('', 'struct worker_pool'))
    .most(MOST)
    .select(
      { id: 'id' },
      { works: { walk: list('worklist', 'struct work_struct', 'entry'), select: { function: 'func' } } },
    )
  const works = pools.child('works')
  return rows(works).map((row) => ({
    kind: 'work',
    name: `queue ${pools.column('id').number(works.parents[row] ?? 0)}`,
    index: null,
    address: works.column('function').bigint(row) ?? 0n,
    owner: null,
  }))
}

function rows({ length }: Pick<Batch, 'length'>): number[] {
  return Array.from({ length }, (_, row) => row)
}

export function waitingPointers(kernel: Kernel): Pointer[] {
  return [...timerPointers(kernel), ...fineTimerPointers(kernel), ...workPointers(kernel)]
}
