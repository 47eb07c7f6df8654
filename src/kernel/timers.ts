/** Timers of processes: POSIX timers, interval timers, timerfds, and threads that sleep until a moment (kernel/time/). */

import { isoTime } from '../iso-time.js'
import type { Column } from './batch.js'
import { readDescriptors } from './descriptors.js'
import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { array, firstOf, hlist, list, type Nested, object, rbtree, symbolAt } from './query.js'
import { clockStart } from './time.js'

/** CLOCK_* by their numbers (include/uapi/linux/time.h). */
const CLOCKS: Readonly<Record<number, string>> = {
  0: 'REALTIME',
  1: 'MONOTONIC',
  2: 'PROCESS_CPUTIME_ID',
  3: 'THREAD_CPUTIME_ID',
  7: 'BOOTTIME',
  8: 'REALTIME_ALARM',
  9: 'BOOTTIME_ALARM',
  11: 'TAI',
}
/** The others of them count what a processor does, or are of devices: no wall clock says when they are at a moment. */
const STARTS: Readonly<Record<number, 'real' | 'monotonic' | 'boot'>> = {
  0: 'real',
  1: 'monotonic',
  7: 'boot',
  8: 'real',
  9: 'boot',
}
/** SIGEV_NONE and SIGEV_THREAD_ID (include/uapi/asm-generic/siginfo.h). */
const SIGEV_NONE = 1
/** `it[]` of `struct signal_struct` (CPUCLOCK_PROF and CPUCLOCK_VIRT). */
const CPU_TIMERS = ['itimer-prof', 'itimer-virtual']
/** Timers of one processor's clock that are read. */
const MOST_TIMERS = 1 << 16

/** A timer. */
export interface Timer {
  /** Of its `struct hrtimer`, `k_itimer` or `timerfd_ctx`. */
  address: bigint
  /** Of the leader of its process, or of the thread that sleeps. */
  task: bigint
  /** `posix`, `itimer-real`, `itimer-virtual`, `itimer-prof`, `timerfd` or `sleep`. */
  kind: string
  /** Number of a POSIX timer, or descriptor. */
  id: number | null
  clock: string | null
  armed: boolean | null
  /** ISO 8601; null where it is not armed, or its clock is no wall clock's. */
  expires: string | null
  /** On its own clock, in nanoseconds. */
  expires_ns: bigint | null
  /** Between one time and the next, in nanoseconds; 0 for a timer that goes off once. */
  interval_ns: bigint | null
  /** Sent when it goes off; null where none is. */
  signal: number | null
  /** How often it went off since somebody last read it. */
  ticks: number | bigint | null
}

/** Whether an hrtimer waits: a bit of its state, or from 7.1 on a flag. */
const queued = (timer: string) => [`${timer}.state`, `${timer}.is_queued`]
const ENQUEUED = 1

const POSIX = {
  walk: firstOf(
    list('signal->posix_timers', 'struct k_itimer', 'list'),
    hlist('signal->posix_timers', 'struct k_itimer', 'list'),
  ),
  rules: [{ path: 'it_signal', is: { equals: '^.signal' } }],
  select: {
    id: 'it_id',
    clock: 'it_clock',
    notify: 'it_sigev_notify',
    interval: 'it_interval',
    signal: ['sigq->info.si_signo', 'sigq.info.si_signo'],
    overrun: 'it_overrun_last',
    expires: 'it.real.timer.node.expires',
    state: queued('it.real.timer'),
    cpu: ['it.cpu.node.expires', 'it.cpu.expires'],
  },
} satisfies Nested

const CPU = { walk: array('signal->it'), select: { expires: 'expires', interval: 'incr' } } satisfies Nested

const REAL = {
  walk: object('signal->real_timer'),
  select: { expires: 'node.expires', state: ['state', 'is_queued'], interval: '^.signal->it_real_incr' },
} satisfies Nested

/** POSIX and interval timers of processes, given by their leaders, in their order. */
function processTimers(kernel: Kernel, leaders: readonly bigint[]): Timer[] {
  const batch = kernel.at(leaders, TASK_STRUCT).select({}, { posix: POSIX, cpu: CPU, real: REAL })
  const [posix, cpu, real] = [batch.child('posix'), batch.child('cpu'), batch.child('real')]
  const owner = (of: { parents: Uint32Array }, row: number) => batch.address(of.parents[row] ?? 0)
  const timers = Array.from({ length: posix.length }, (_, row): Timer => {
    const number = (name: keyof (typeof POSIX)['select']) => posix.column(name).number(row)
    const clock = number('clock')
    // A clock that counts a processor's time has a number below zero, and its timers lie elsewhere.
    const counts = clock !== null && (clock < 0 || clock === 2 || clock === 3)
    const expires = posix.column(counts ? 'cpu' : 'expires').bigint(row)
    const armed = counts ? isSet(posix.column('cpu'), row) : isQueued(posix.column('state'), row)
    return {
      address: posix.address(row),
      task: owner(posix, row),
      kind: 'posix',
      id: number('id'),
      ...moment(kernel, clock, armed, expires),
      interval_ns: posix.column('interval').bigint(row),
      signal: number('notify') === SIGEV_NONE ? null : number('signal'),
      ticks: posix.column('overrun').exact(row),
    }
  })
  for (let row = 0; row < cpu.length; row++) {
    const armed = isSet(cpu.column('expires'), row)
    if (armed !== true) continue
    timers.push({
      ...NOTHING,
      address: cpu.address(row),
      task: owner(cpu, row),
      kind: CPU_TIMERS[row % CPU_TIMERS.length] ?? '',
      ...moment(kernel, 2, armed, cpu.column('expires').bigint(row)),
      interval_ns: cpu.column('interval').bigint(row),
    })
  }
  for (let row = 0; row < real.length; row++) {
    const armed = isQueued(real.column('state'), row)
    if (armed !== true) continue
    timers.push({
      ...NOTHING,
      address: real.address(row),
      task: owner(real, row),
      kind: 'itimer-real',
      ...moment(kernel, 1, armed, real.column('expires').bigint(row)),
      interval_ns: real.column('interval').bigint(row),
    })
  }
  return timers
}

const NOTHING = { id: null, signal: null, ticks: null } as const

function isQueued(state: Column, row: number): boolean | null {
  const value = state.number(row)
  return value === null ? null : (value & ENQUEUED) !== 0
}

function isSet(expires: Column, row: number): boolean | null {
  const value = expires.bigint(row)
  return value === null ? null : value !== 0n
}

/** What a timer's clock is called, and when it is at a moment. */
function moment(kernel: Kernel, clock: number | null, armed: boolean | null, expires: bigint | null) {
  const known = clock === null ? undefined : STARTS[clock]
  const start = known === undefined ? null : clockStart(kernel, known)
  const waits = armed === true ? expires : null
  return {
    clock: clock === null ? null : (CLOCKS[clock] ?? (clock < 0 ? 'PROCESS_CPUTIME_ID' : `${clock}`)),
    armed,
    expires: waits === null || start === null ? null : isoTime(start + waits),
    expires_ns: waits,
  }
}

const TIMERFD = {
  clock: '((struct timerfd_ctx *)private_data)->clockid',
  interval: '((struct timerfd_ctx *)private_data)->tintv',
  ticks: '((struct timerfd_ctx *)private_data)->ticks',
  context: 'private_data',
  expires: '((struct timerfd_ctx *)private_data)->t.tmr.node.expires',
  state: queued('((struct timerfd_ctx *)private_data)->t.tmr'),
  alarm: '((struct timerfd_ctx *)private_data)->t.alarm.node.expires',
  alarm_state: '((struct timerfd_ctx *)private_data)->t.alarm.state',
} as const
/** CLOCK_REALTIME_ALARM and CLOCK_BOOTTIME_ALARM wake a machine that sleeps, and have a timer of another kind. */
const ALARMS: ReadonlySet<number | null> = new Set([8, 9])

/** Timers that processes hold by descriptor: each once for each descriptor. */
function descriptorTimers(kernel: Kernel, leaders: readonly bigint[]): Timer[] {
  const held = readDescriptors(kernel, leaders).filter(({ type }) => type === 'timerfd')
  const batch = kernel
    .at(
      held.map(({ address }) => address),
      'struct file',
    )
    .select(TIMERFD)
  return held.map(({ task, fd }, row): Timer => {
    const clock = batch.column('clock').number(row)
    const alarm = ALARMS.has(clock)
    const armed = isQueued(batch.column(alarm ? 'alarm_state' : 'state'), row)
    return {
      address: batch.column('context').bigint(row) ?? 0n,
      task,
      kind: 'timerfd',
      id: fd,
      ...moment(kernel, clock, armed, batch.column(alarm ? 'alarm' : 'expires').bigint(row)),
      interval_ns: batch.column('interval').bigint(row),
      signal: null,
      ticks: batch.column('ticks').exact(row),
    }
  })
}

const WAITING = {
  walk: rbtree(['active.rb_root.rb_root', 'active.head'], 'struct hrtimer', ['node.node.node', 'node.node']),
  // A timer on a clock's queue is of that clock.
  rules: [{ path: 'base', is: 'origin' }],
  select: {
    function: symbolAt('function'),
    expires: 'node.expires',
    clock: 'base->clockid',
    task: 'container_of(, struct hrtimer_sleeper, timer)->task',
  },
} satisfies Nested
/** What wakes a thread that sleeps until a moment, or waits so long for something. */
const WAKES = 'hrtimer_wakeup'

/** Threads that a processor's clocks will wake. */
function sleepingThreads(kernel: Kernel): Timer[] {
  const clocks = { walk: array('clock_base'), select: {}, children: { waiting: WAITING } } satisfies Nested
  const found = kernel
    .perCpu('hrtimer_bases', 'struct hrtimer_cpu_base')
    .most(MOST_TIMERS)
    .select({}, { clocks })
    .child('clocks')
    .child('waiting')
  return Array.from({ length: found.length }, (_, row) => row).flatMap((row): Timer[] => {
    const task = found.column('task').bigint(row)
    if (found.column('function').text(row) !== WAKES || !task) return []
    const when = moment(kernel, found.column('clock').number(row), true, found.column('expires').bigint(row))
    return [{ ...NOTHING, address: found.address(row), task, kind: 'sleep', ...when, interval_ns: 0n }]
  })
}

/** Timers of processes, given by their leaders, and of all threads that sleep. */
export function readTimers(kernel: Kernel, leaders: readonly bigint[]): Timer[] {
  return [...processTimers(kernel, leaders), ...descriptorTimers(kernel, leaders), ...sleepingThreads(kernel)]
}
