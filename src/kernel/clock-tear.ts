/**
 * Whether tasks were seen later than the kernel's own clocks stand. On memory of one moment nothing has begun, and nothing
 * has run, after that moment; where a page was copied later than that of a clock, something has.
 */

import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { TASK_STRUCT } from './objects.js'
import { bootTime, imageTime } from './time.js'

const SECOND = 1_000_000_000n
/**
 * Further than clocks of one moment are apart, in nanoseconds: the timekeeper is told to the second and brought up to date
 * at each tick, and a task that moved to another processor keeps the time of the one before.
 */
const SLACK = 2n * SECOND

/** Tasks that were held against a clock, and those of them that are ahead of it. */
export interface ClockCheck {
  readonly links: string
  readonly checked: number
  readonly ahead: readonly bigint[]
}

/** Tasks against the clock of the processor that ran them last, and against the timekeeper. */
export function tasksAheadOfClocks(kernel: Kernel, tasks: Iterable<bigint>): ClockCheck[] {
  const addresses = [...tasks]
  return [ahead('last run', lastRuns(kernel, addresses)), ahead('started', starts(kernel, addresses))]
}

interface Times {
  readonly address: bigint
  /** What the task says, and what the clock does, in nanoseconds. */
  readonly task: bigint | null
  readonly clock: bigint | null | undefined
}

function ahead(links: string, times: readonly Times[]): ClockCheck {
  const known = times.flatMap(({ address, task, clock }) =>
    task === null || clock == null ? [] : { address, by: task - clock },
  )
  return { links, checked: known.length, ahead: known.filter(({ by }) => by > SLACK).map(({ address }) => address) }
}

/** `exec_start` is the run queue's `clock_task` of when the task last ran (kernel/sched/fair.c, update_curr()). */
function lastRuns(kernel: Kernel, addresses: readonly bigint[]): Times[] {
  const read = unlessLacking(() => ({
    queues: kernel.perCpu('runqueues', 'struct rq').select({ cpu: 'cpu', clock: 'clock_task' }),
    // The processor lies in the task itself, or in what of it is the processor's own (CONFIG_THREAD_INFO_IN_TASK).
    tasks: kernel.at(addresses, TASK_STRUCT).select({ cpu: ['thread_info.cpu', 'cpu'], ran: 'se.exec_start' }),
  }))
  if (read.value === null) return []
  const { queues, tasks } = read.value
  const clocks = new Map<number | null, bigint | null>()
  for (const row of queues.addresses.keys())
    clocks.set(queues.column('cpu').number(row), queues.column('clock').bigint(row))
  return [...tasks.addresses].map((address, row) => {
    return { address, task: tasks.column('ran').bigint(row), clock: clocks.get(tasks.column('cpu').number(row)) }
  })
}

/** When each task began, against the wall clock as the kernel last brought it up to date. */
function starts(kernel: Kernel, addresses: readonly bigint[]): Times[] {
  const [boot, now] = [bootTime(kernel), imageTime(kernel)]
  const read = unlessLacking(() =>
    kernel.at(addresses, TASK_STRUCT).select({ started: ['start_boottime', 'real_start_time'] }),
  )
  if (boot === null || now === null || read.value === null) return []
  const clock = BigInt(Date.parse(now)) * 1_000_000n
  return [...read.value.addresses].map((address, row) => {
    const started = read.value.column('started').bigint(row)
    return { address, task: started === null ? null : boot + started, clock }
  })
}
