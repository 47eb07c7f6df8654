/** The views that know of tasks: what is reached by list, by number or by run queue, and what of that lives. */

import { append } from '../append.js'
import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { hlist, list, type Nested, obeys, xarray } from './query.js'
import type { Paths, Rule } from './rule.js'

/** Tasks of one view that are read, however much memory there is: each becomes a row with its texts. */
const MOST_TASKS = 1 << 18
/** EXIT_DEAD (include/linux/sched.h). */
const EXIT_DEAD = 0x10

/** A view that knows a task: where an analyst would look for it by hand. */
export type View = 'task list' | 'pid IDR' | 'thread list' | 'run queue' | 'pid'

/** Tasks by address, with the views that know each. */
export type KnownBy = ReadonlyMap<bigint, readonly View[]>

/** Whether a task lives, has ended, or is not borne out by the objects around it. */
export type TaskStatus = 'live' | 'exited' | 'doubtful'

/** Where a `struct pid` holds its task, and the task that. */
const PID_LINK: Paths = ['pid_links[0]', 'pids[0].node']

/** The `struct pid` that a task names bears its number, and its leader and owner are what they should be. */
const BORNE_OUT: readonly Rule[] = [
  { path: 'thread_pid->numbers[0].nr', is: { equals: 'pid' } },
  { path: 'thread_pid->numbers[0].ns', is: { symbol: 'init_pid_ns' } },
  { path: 'group_leader->tgid', is: { equals: 'tgid' } },
  { path: 'signal', is: 'pointer' },
  // Whose last thread has gone is gone itself (kernel/exit.c, __exit_signal()).
  { path: 'signal->nr_threads', is: { at_least: 1 } },
  { path: 'real_cred', is: 'pointer' },
  { path: 'real_cred->usage.counter', is: { at_least: 1 } },
]

/** Its user namespace is one. The first one is so by its place, even where the page with it is lost: most processes have it. */
const IN_NAMESPACE: readonly Rule[] = [
  { path: 'real_cred->user_ns', is: 'pointer' },
  { path: 'real_cred->user_ns->ns.ops', is: { symbol: 'userns_operations' } },
]
const IN_FIRST_NAMESPACE: readonly Rule[] = [{ path: 'real_cred->user_ns', is: { symbol: 'init_user_ns' } }]

/** The `struct pid` that a task names holds that very task. */
export const HELD_BY_PID: readonly Rule[] = [
  { path: 'thread_pid', is: 'pointer' },
  { path: 'thread_pid->tasks[0].first', is: 'pointer' },
  {
    path: [
      'container_of(thread_pid->tasks[0].first, struct task_struct, pid_links)',
      'container_of(thread_pid->tasks[0].first, struct task_struct, pids)',
    ],
    is: 'own',
  },
]

/** A thread shares its group's signals. */
const OF_GROUP: Rule = { path: 'signal', is: 'origin' }

/** What the views know. */
export interface TaskViews {
  /** Tasks that live, with the views that know each. */
  readonly live: KnownBy
  /** What was on a list too, and has ended or is doubtful. */
  readonly rest: KnownBy
  /** How often the way to them was lost: a task that a torn view does not know is not hidden by that. */
  readonly breaks: number
}

/** Every task that the task list, the pid IDR or a thread list knows; read once per image. */
export function taskViews(kernel: Kernel): TaskViews {
  return kernel.once(readTaskViews)
}

function readTaskViews(kernel: Kernel): TaskViews {
  const views = new Map<bigint, View[]>()
  let breaks = 0
  // A task_struct fills more than a page: a list of more tasks than there are pages was made to exhaust memory.
  const most = Math.min(MOST_TASKS, kernel.pages)
  const see = (found: { addresses: BigUint64Array; breaks: number }, view: View) => {
    breaks += found.breaks
    const count = kernel.capped(`tasks on the ${view}`, found.addresses.length, most)
    for (const address of found.addresses.subarray(0, count)) {
      const seen = views.get(address)
      if (!seen) views.set(address, [view])
      else if (!seen.includes(view)) seen.push(view)
    }
  }
  const listed = kernel.symbol('init_task', TASK_STRUCT).walk(list('tasks', TASK_STRUCT, 'tasks'))
  see(listed.most(most).select({}), 'task list')
  see(hashedTasks(kernel, most), 'pid IDR')
  const groups = kernel.at(threadGroups(kernel, views.keys()), 'struct signal_struct')
  see(
    groups
      .walk(list('thread_head', TASK_STRUCT, 'thread_node'))
      .obeying([OF_GROUP])
      .most(most)
      .select({}),
    'thread list',
  )
  // A kernel that runs has tasks: a list that is merely empty was made so.
  if (views.size === 0) kernel.warn({ code: 'torn', message: 'neither the task list nor the pid IDR knows any task' })
  const live = new Map<bigint, View[]>()
  const rest = new Map<bigint, View[]>()
  const judged = judge(kernel, views.keys())
  const copied = copies(kernel, judged)
  for (const { address, status } of judged) {
    const home = status === 'live' && !copied.has(address) ? live : rest
    home.set(address, views.get(address) ?? [])
  }
  return { live, rest, breaks }
}

/** Of live tasks that bear one id, those that the `struct pid` does not hold: what a fork copied, or somebody made. */
function copies(kernel: Kernel, judged: readonly Judged[]): Set<bigint> {
  const byTid = new Map<number | null, bigint[]>()
  for (const { address, tid, status } of judged) {
    if (status === 'live') append(byTid, tid, address)
  }
  const several = [...byTid.values()].filter((addresses) => addresses.length > 1).flat()
  const held = several.length === 0 ? null : heldByPid(kernel, several)
  return new Set(several.filter((address) => !held?.has(address)))
}

/** The tasks that live and that a list knows; what else was on the lists is counted in a warning. */
export function knownTasks(kernel: Kernel): KnownBy {
  const { live, rest } = taskViews(kernel)
  if (rest.size > 0) {
    const message = 'on the lists is also what has ended or is doubtful: left out here, process-scan shows it'
    const [first = 0n] = rest.keys()
    kernel.warn({ code: 'torn', message, count: rest.size, address: `0x${first.toString(16)}` })
  }
  return live
}

/** Whether each of some tasks lives. */
export function taskStatus(kernel: Kernel, addresses: Iterable<bigint>): Map<bigint, TaskStatus> {
  return new Map(judge(kernel, addresses).map(({ address, status }) => [address, status]))
}

interface Judged {
  address: bigint
  tid: number | null
  status: TaskStatus
}

/**
 * A task that was unhashed or whose last reference went is gone, and its memory only waits to be used again. One that
 * says it lives must be borne out by the objects around it.
 */
function judge(kernel: Kernel, addresses: Iterable<bigint>): Judged[] {
  const batch = kernel.at(addresses, TASK_STRUCT).select({
    tid: 'pid',
    exit_state: 'exit_state',
    usage: ['usage.refs.counter', 'usage.counter'],
    thread_pid: 'thread_pid',
    borne_out: obeys(BORNE_OUT),
    in_namespace: obeys(IN_NAMESPACE),
    in_first: obeys(IN_FIRST_NAMESPACE),
  })
  const status = (row: number): TaskStatus => {
    const exitState = batch.column('exit_state').number(row)
    const usage = batch.column('usage').number(row)
    const pid = batch.column('thread_pid').bigint(row)
    // Where the image's types are damaged it may not be known how many references there are: the rest has to bear it out.
    if (exitState === null || (usage === null && !batch.absent('usage')) || pid === null) return 'doubtful'
    if ((exitState & EXIT_DEAD) !== 0 || (usage !== null && usage <= 0) || pid === 0n) return 'exited'
    const holds = (column: 'borne_out' | 'in_namespace' | 'in_first') => batch.column(column).number(row) === 1
    return holds('borne_out') && (holds('in_namespace') || holds('in_first')) ? 'live' : 'doubtful'
  }
  return Array.from({ length: batch.length }, (_, row) => {
    return { address: batch.address(row), tid: batch.column('tid').number(row), status: status(row) }
  })
}

/** Those of some tasks that are held by the `struct pid` which they name, though no list may know them. */
export function heldByPid(kernel: Kernel, addresses: Iterable<bigint>): Set<bigint> {
  const batch = kernel.at(addresses, TASK_STRUCT).select({ held: obeys(HELD_BY_PID) })
  return new Set(batch.addresses.filter((_, row) => batch.column('held').number(row) === 1))
}

/** The `signal_struct`s of tasks, each once: a group's threads share it, and its list of them is walked once. */
function threadGroups(kernel: Kernel, tasks: Iterable<bigint>): Set<bigint> {
  const batch = kernel.at(tasks, TASK_STRUCT).select({ signal: 'signal' })
  const signals = Array.from({ length: batch.length }, (_, row) => batch.column('signal').bigint(row))
  return new Set(signals.filter((address): address is bigint => address !== null && address !== 0n))
}

/** Tasks reached by number: each `struct pid` of the initial namespace holds the task that bears it. */
function hashedTasks(kernel: Kernel, most: number): { addresses: BigUint64Array; breaks: number } {
  const pids = kernel.symbol('init_pid_ns', 'struct pid_namespace').walk(xarray('idr', 'struct pid'))
  const task = {
    walk: hlist('tasks[0]', TASK_STRUCT, PID_LINK),
    // A number's task names that number in turn.
    rules: [{ path: 'thread_pid', is: 'origin' }],
    select: {},
  } satisfies Nested
  // Not every number's task is there: `struct pid`s are smaller than tasks.
  const found = pids.most(most * 4).select({}, { task })
  const tasks = found.child('task')
  return { addresses: tasks.addresses, breaks: found.breaks + tasks.breaks }
}

/** The idle task of each CPU, which no list holds: only its run queue knows it. */
export function idleTasks(kernel: Kernel): bigint[] {
  const idle = kernel.perCpu('runqueues', 'struct rq').select({ idle: 'idle' })
  const addresses = Array.from({ length: idle.length }, (_, row) => idle.column('idle').bigint(row))
  return addresses.filter((address): address is bigint => address !== null && address !== 0n)
}
