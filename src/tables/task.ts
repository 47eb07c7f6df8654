/** What every table about tasks shows of one: columns and rows, declared once. */

import { address, type Columns, count, flag, integer, list, text, time, type Value } from '../api/columns.js'
import { Rows } from '../api/table.js'
import { placeTasks } from '../containers/membership.js'
import type { Kernel } from '../kernel/kernel.js'
import { type KnownBy, knownTasks } from '../kernel/task-views.js'
import { readTasks, type Task } from '../kernel/tasks.js'

/** A task with the container it runs in. */
export interface PlacedTask extends Task {
  /** Full id of the innermost container, from the cgroup path. */
  container: string | null
}

/** Columns that identify a task and tell where it runs. `pid` is the thread group's id. */
export const taskColumns = {
  address: address('Address of the task_struct', { detail: true }),
  pid: integer('Process id: the thread group id in the initial pid namespace', { meaning: 'pid' }),
  ppid: integer('Process id of the parent'),
  comm: text('Name of the thread, at most 15 bytes'),
  args: list('Arguments from user memory; empty for kernel threads'),
  exe: text('Path of the executable; null for kernel threads'),
  state: text('State letter as in /proc: R S D T t X Z P I'),
  uid: integer('Real user id'),
  gid: integer('Real group id', { detail: true }),
  euid: integer('Effective user id', { detail: true }),
  egid: integer('Effective group id', { detail: true }),
  kernel_thread: flag('Whether the kernel made it for itself (PF_KTHREAD)', { detail: true }),
  threads: count('Threads of the process', { detail: true }),
  started: time('When it started'),
  pid_in_ns: integer('Its id in the innermost pid namespace', { detail: true }),
  pid_ns: integer('Inode number of its pid namespace', { meaning: 'namespace', detail: true }),
  mnt_ns: integer('Inode number of its mount namespace', { meaning: 'namespace', detail: true }),
  net_ns: integer('Inode number of its network namespace', { meaning: 'namespace', detail: true }),
  uts_ns: integer('Inode number of its UTS namespace', { meaning: 'namespace', detail: true }),
  ipc_ns: integer('Inode number of its IPC namespace', { meaning: 'namespace', detail: true }),
  user_ns: integer('Inode number of its user namespace', { meaning: 'namespace', detail: true }),
  cgroup_ns: integer('Inode number of its cgroup namespace', { meaning: 'namespace', detail: true }),
  time_ns: integer('Inode number of its time namespace', { meaning: 'namespace', detail: true }),
  cgroup: text('Path of its cgroup', { meaning: 'cgroup', detail: true }),
  container: text('Id of the innermost container its cgroup belongs to', { meaning: 'container' }),
  found_by: list('Views that know it: task list, pid IDR, thread list, run queue, or only the struct pid it names', {
    detail: true,
  }),
}

const { address: first, pid, ...others } = taskColumns

/** The same for tables of threads, with `tid` beside `pid`. */
export const threadColumns = {
  address: first,
  tid: integer('Thread id in the initial pid namespace', { meaning: 'tid' }),
  pid,
  ...others,
}

/** What a table shows of tasks: the declared columns, of all that is known. Whole columns cost less than objects. */
export function taskRows(columns: Columns, tasks: readonly PlacedTask[]): Rows {
  const values = (name: string) => tasks.map((task) => task[name as keyof PlacedTask] as Value)
  return new Rows(tasks.length, Object.fromEntries(Object.keys(columns).map((name) => [name, values(name)])))
}

/** Every task that lives and that a list knows, in no order; read once per image. */
export function listedTasks(kernel: Kernel): readonly Readonly<Task>[] {
  return kernel.once(readListedTasks)
}

function readListedTasks(kernel: Kernel): Task[] {
  const views = knownTasks(kernel)
  return readTasks(kernel, views.keys(), views)
}

/** The same with the container that each runs in, ordered by pid, then by tid; read once per image. */
export function listedPlacedTasks(kernel: Kernel): readonly Readonly<PlacedTask>[] {
  return kernel.once(placeListedTasks)
}

function placeListedTasks(kernel: Kernel): PlacedTask[] {
  return placeTasks(kernel, listedTasks(kernel)).sort(byIds)
}

/**
 * Reads tasks and finds out in which container each one runs; ordered by pid, then by tid. What cannot be read of those
 * that are `gone` is a note: their memory may be in use for something else.
 */
export function placedTasks(
  kernel: Kernel,
  addresses: Iterable<bigint>,
  views: KnownBy,
  gone: Iterable<bigint> = [],
): PlacedTask[] {
  const [alive, ended] = [readTasks(kernel, addresses, views), readTasks(kernel.leftovers(), gone, views)]
  return placeTasks(kernel, alive, ended).sort(byIds)
}

function byIds(left: Task, right: Task): number {
  const order = (one: number | null, other: number | null) => (one ?? -1) - (other ?? -1)
  return order(left.pid, right.pid) || order(left.tid, right.tid) || (left.address < right.address ? -1 : 1)
}
