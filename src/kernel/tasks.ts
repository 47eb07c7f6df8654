/** `task_struct`: the one projection of its members, and the views that know of a task. */

import { isoTime } from '../api/time.js'
import type { Batch, Column } from './batch.js'
import type { Kernel } from './kernel.js'
import { array, cmdline, dPath, hlist, kernfsPath, list, type Nested, optional, text, xarray } from './query.js'
import { bootTime } from './time.js'

export const TASK_STRUCT = 'struct task_struct'

/** PF_KTHREAD (include/linux/sched.h). */
const PF_KTHREAD = 0x0020_0000

/** MAX_PID_NS_LEVEL (include/linux/pid_namespace.h), and the initial namespace above. */
const MOST_LEVELS = 33

/** Tasks of one view that are read, however much memory there is: each becomes a row with its texts. */
const MOST_TASKS = 1 << 18

/** A view that knows a task: where an analyst would look for it by hand. */
export type View = 'task list' | 'pid IDR' | 'thread list' | 'run queue'

/** Namespaces a task is in, by inode number. */
export interface NamespaceSet {
  pid_ns: number | null
  mnt_ns: number | null
  net_ns: number | null
  uts_ns: number | null
  ipc_ns: number | null
  user_ns: number | null
  cgroup_ns: number | null
  time_ns: number | null
}

/** A task, which is a thread; its thread group's leader stands for the process. */
export interface Task extends NamespaceSet {
  address: bigint
  /** The thread's own id; in the kernel's words `pid`. */
  tid: number | null
  /** The thread group's id, which users call pid. */
  pid: number | null
  ppid: number | null
  comm: string | null
  /** Empty for kernel threads. */
  args: string[] | null
  exe: string | null
  /** The letter /proc shows. */
  state: string | null
  uid: number | null
  gid: number | null
  euid: number | null
  egid: number | null
  kernel_thread: boolean | null
  threads: number | null
  started: string | null
  /** The id in the innermost pid namespace. */
  pid_in_ns: number | null
  /** Path in the unified hierarchy. */
  cgroup: string | null
  css_set: bigint | null
  found_by: View[]
  exit_state: number | null
  usage: number | null
  /** `struct pid`; 0 once the task was unhashed. */
  thread_pid: bigint | null
  /** The number that `thread_pid` itself holds in the initial namespace. */
  thread_pid_nr: number | null
  leader_tgid: number | null
  hostname: string | null
  seccomp: number | null
  capabilities: { bounding: bigint | null; effective: bigint | null }
  /** What its children will be in, where that is another one. */
  pid_ns_for_children: number | null
  time_ns_for_children: number | null
}

const MEMBERS = {
  tid: 'pid',
  pid: 'tgid',
  ppid: 'real_parent->tgid',
  comm: text('comm'),
  args: cmdline('mm'),
  exe: dPath('mm->exe_file->f_path'),
  mm: 'mm',
  state: ['__state', 'state'],
  exit_state: 'exit_state',
  flags: 'flags',
  uid: 'real_cred->uid.val',
  gid: 'real_cred->gid.val',
  euid: 'real_cred->euid.val',
  egid: 'real_cred->egid.val',
  cap_bset: { path: 'real_cred->cap_bset', as: 'hex', max: 8 },
  cap_effective: { path: 'real_cred->cap_effective', as: 'hex', max: 8 },
  threads: 'signal->nr_threads',
  started: ['start_boottime', 'real_start_time'],
  usage: ['usage.refs.counter', 'usage.counter'],
  thread_pid: 'thread_pid',
  thread_pid_nr: 'thread_pid->numbers[0].nr',
  leader_tgid: 'group_leader->tgid',
  seccomp: optional('seccomp.mode'),
  css_set: 'cgroups',
  cgroup: kernfsPath('cgroups->dfl_cgrp->kn'),
  mnt_ns: 'nsproxy->mnt_ns->ns.inum',
  net_ns: 'nsproxy->net_ns->ns.inum',
  uts_ns: 'nsproxy->uts_ns->ns.inum',
  ipc_ns: 'nsproxy->ipc_ns->ns.inum',
  cgroup_ns: 'nsproxy->cgroup_ns->ns.inum',
  time_ns: optional('nsproxy->time_ns->ns.inum'),
  user_ns: 'real_cred->user_ns->ns.inum',
  hostname: text('nsproxy->uts_ns->name.nodename'),
  pid_for_children: 'nsproxy->pid_ns_for_children->ns.inum',
  time_for_children: optional('nsproxy->time_ns_for_children->ns.inum'),
} as const

/** A task's number in every pid namespace from the initial one inwards. */
const PIDS: Nested = {
  walk: array('thread_pid->numbers', { count: 'thread_pid->level + 1', type: 'struct upid', most: MOST_LEVELS }),
  select: { nr: 'nr', inode: 'ns->ns.inum' },
}

type TaskColumns = Record<keyof typeof MEMBERS, Column>

/** Reads tasks at known addresses, in the order given. */
export function readTasks(kernel: Kernel, addresses: Iterable<bigint>, views: Map<bigint, View[]>): Task[] {
  const batch = kernel.at(addresses, TASK_STRUCT).select(MEMBERS, { pids: PIDS })
  const names = Object.keys(MEMBERS) as (keyof typeof MEMBERS)[]
  const columns = Object.fromEntries(names.map((name) => [name, batch.column(name)])) as TaskColumns
  const boot = bootTime(kernel)
  const pids = batch.child('pids')
  // Numbers come from the initial namespace inwards: the last of a task is its innermost.
  const innermost = new Map([...pids.parents].map((parent, row) => [parent, row]))
  return Array.from({ length: batch.length }, (_, row) =>
    task(columns, row, batch.address(row), boot, views, pids, innermost.get(row)),
  )
}

/** One object literal, whole: to put one together out of parts takes longer than to read what is in it. */
function task(
  columns: TaskColumns,
  row: number,
  address: bigint,
  boot: bigint | null,
  views: Map<bigint, View[]>,
  pids: Batch,
  innermost: number | undefined,
): Task {
  const flags = columns.flags.number(row)
  const started = columns.started.bigint(row)
  const state = columns.state.number(row)
  const exitState = columns.exit_state.number(row)
  return {
    address,
    tid: columns.tid.number(row),
    pid: columns.pid.number(row),
    ppid: columns.ppid.number(row),
    comm: columns.comm.text(row),
    args: columns.mm.number(row) === 0 ? [] : argumentList(columns.args.text(row)),
    exe: columns.exe.text(row),
    state: stateLetter(state, exitState),
    uid: columns.uid.number(row),
    gid: columns.gid.number(row),
    euid: columns.euid.number(row),
    egid: columns.egid.number(row),
    kernel_thread: flags === null ? null : (flags & PF_KTHREAD) !== 0,
    threads: columns.threads.number(row),
    started: boot === null || started === null ? null : isoTime(boot + started),
    pid_in_ns: innermost === undefined ? null : pids.column('nr').number(innermost),
    cgroup: columns.cgroup.text(row),
    css_set: columns.css_set.bigint(row),
    found_by: views.get(address) ?? [],
    exit_state: exitState,
    usage: columns.usage.number(row),
    thread_pid: columns.thread_pid.bigint(row),
    thread_pid_nr: columns.thread_pid_nr.number(row),
    leader_tgid: columns.leader_tgid.number(row),
    hostname: columns.hostname.text(row),
    seccomp: columns.seccomp.number(row),
    capabilities: {
      bounding: capabilitySet(columns.cap_bset.text(row)),
      effective: capabilitySet(columns.cap_effective.text(row)),
    },
    pid_ns: innermost === undefined ? null : pids.column('inode').number(innermost),
    mnt_ns: columns.mnt_ns.number(row),
    net_ns: columns.net_ns.number(row),
    uts_ns: columns.uts_ns.number(row),
    ipc_ns: columns.ipc_ns.number(row),
    user_ns: columns.user_ns.number(row),
    cgroup_ns: columns.cgroup_ns.number(row),
    time_ns: columns.time_ns.number(row),
    pid_ns_for_children: columns.pid_for_children.number(row),
    time_ns_for_children: columns.time_for_children.number(row),
  }
}

/** Arguments as they lie in memory: each ends with a NUL, and the last one need not. */
function argumentList(text: string | null): string[] | null {
  if (text === null) return null
  const parts = text.split('\0')
  if (parts.at(-1) === '') parts.pop()
  return parts
}

/** `kernel_cap_t` from its eight bytes, lowest first, whichever way the kernel declares it. */
function capabilitySet(hex: string | null): bigint | null {
  const bytes = hex?.match(/../g)
  return bytes?.length === 8 ? BigInt(`0x${bytes.reverse().join('')}`) : null
}

const TASK_REPORT = 0x7f
const TASK_UNINTERRUPTIBLE = 0x02
const TASK_IDLE = 0x402
const TASK_RTLOCK_WAIT = 0x1000
const TASK_FROZEN = 0x8000

/** The letter of a task's state, as task_state_index() has it (include/linux/sched.h, fs/proc/array.c). */
export function stateLetter(state: number | null, exitState: number | null): string | null {
  if (state === null || exitState === null) return null
  if ((state & TASK_IDLE) === TASK_IDLE) return 'I'
  const waits = (state & (TASK_RTLOCK_WAIT | TASK_FROZEN)) !== 0
  const reported = waits ? TASK_UNINTERRUPTIBLE : (state | exitState) & TASK_REPORT
  return 'RSDTtXZP'.charAt(32 - Math.clz32(reported))
}

/** Every task that the task list, the pid IDR or a thread list knows, with the views that do. */
export function knownTasks(kernel: Kernel): Map<bigint, View[]> {
  const views = new Map<bigint, View[]>()
  // A task_struct fills more than a page: a list of more tasks than there are pages was made to exhaust memory.
  const most = Math.min(MOST_TASKS, kernel.pages)
  const see = (addresses: BigUint64Array, view: View) => {
    const count = kernel.capped(`tasks on the ${view}`, addresses.length, most)
    for (const address of addresses.subarray(0, count)) {
      const seen = views.get(address)
      if (!seen) views.set(address, [view])
      else if (!seen.includes(view)) seen.push(view)
    }
  }
  const listed = kernel
    .symbol('init_task', TASK_STRUCT)
    .walk(list('tasks', TASK_STRUCT, 'tasks'))
    .most(most)
    .select({})
  see(listed.addresses, 'task list')
  see(hashedTasks(kernel, most), 'pid IDR')
  const threads = kernel
    .at(threadGroups(kernel, views.keys()), 'struct signal_struct')
    .walk(list('thread_head', TASK_STRUCT, 'thread_node'))
    .most(most)
    .select({})
  see(threads.addresses, 'thread list')
  // A kernel that runs has tasks: a list that is merely empty was made so.
  if (views.size === 0) kernel.warn({ code: 'torn', message: 'neither the task list nor the pid IDR knows any task' })
  return views
}

/** The `signal_struct`s of tasks, each once: a group's threads share it, and its list of them is walked once. */
function threadGroups(kernel: Kernel, tasks: Iterable<bigint>): Set<bigint> {
  const batch = kernel.at(tasks, TASK_STRUCT).select({ signal: 'signal' })
  const signals = Array.from({ length: batch.length }, (_, row) => batch.column('signal').bigint(row))
  return new Set(signals.filter((address): address is bigint => address !== null && address !== 0n))
}

/** Tasks reached by number: each `struct pid` of the initial namespace holds the task that bears it. */
function hashedTasks(kernel: Kernel, most: number): BigUint64Array {
  const pids = kernel.symbol('init_pid_ns', 'struct pid_namespace').walk(xarray('idr', 'struct pid'))
  const task: Nested = { walk: hlist('tasks[0]', TASK_STRUCT, ['pid_links[0]', 'pids[0].node']), select: {} }
  // Not every number's task is there: `struct pid`s are smaller than tasks.
  return pids
    .most(most * 4)
    .select({}, { task })
    .child('task').addresses
}

/** The idle task of each CPU, which no list holds: only its run queue knows it. */
export function idleTasks(kernel: Kernel): bigint[] {
  const idle = kernel.perCpu('runqueues', 'struct rq').select({ idle: 'idle' })
  const addresses = Array.from({ length: idle.length }, (_, row) => idle.column('idle').bigint(row))
  return addresses.filter((address): address is bigint => address !== null && address !== 0n)
}

/** Whether a task is its thread group's leader, and so stands for the process. */
export function isLeader(task: Task): boolean {
  return task.tid === task.pid
}
