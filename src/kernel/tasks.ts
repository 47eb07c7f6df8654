/** `task_struct`: the one projection of its members. */

import { isoTime } from '../iso-time.js'
import type { Batch, Column } from './batch.js'
import type { Kernel } from './kernel.js'
import { type NamespaceProxy, type NamespaceSet, readNamespaceProxies } from './namespaces.js'
import { TASK_STRUCT } from './objects.js'
import { array, cmdline, dPath, kernfsPath, type Nested, obeys, optional, text } from './query.js'
import type { KnownBy, View } from './task-views.js'
import { bootTime } from './time.js'

/** PF_KTHREAD (include/linux/sched.h). */
const PF_KTHREAD = 0x0020_0000

/** MAX_PID_NS_LEVEL (include/linux/pid_namespace.h), and the initial namespace above. */
const MOST_LEVELS = 33

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
  found_by: readonly View[]
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
  exe: dPath('mm->exe_file'),
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
  seccomp: optional('seccomp.mode'),
  css_set: 'cgroups',
  cgroup: kernfsPath('cgroups->dfl_cgrp->kn'),
  nsproxy: 'nsproxy',
  user_ns: 'real_cred->user_ns->ns.inum',
  has_cred: obeys([
    { path: 'real_cred->user_ns', is: 'pointer' },
    { path: 'real_cred->user_ns->ns.ops', is: { symbol: 'userns_operations' } },
  ]),
} as const

/** A task's number in every pid namespace from the initial one inwards. */
const PIDS = {
  walk: array('thread_pid->numbers', { count: 'thread_pid->level + 1', type: 'struct upid', most: MOST_LEVELS }),
  select: { nr: 'nr', inode: 'ns->ns.inum' },
} satisfies Nested

type TaskColumns = Record<keyof typeof MEMBERS, Column>

/** Reads tasks at known addresses, in the order given. */
export function readTasks(kernel: Kernel, addresses: Iterable<bigint>, views: KnownBy): Task[] {
  const asked = [...addresses]
  if (asked.length === 0) return []
  const batch = kernel.at(asked, TASK_STRUCT).select(MEMBERS, { pids: PIDS })
  const names = Object.keys(MEMBERS) as (keyof typeof MEMBERS)[]
  const columns = Object.fromEntries(names.map((name) => [name, batch.column(name)])) as TaskColumns
  const boot = bootTime(kernel)
  const pids = batch.child('pids')
  const nsproxies = Array.from({ length: batch.length }, (_, row) => columns.nsproxy.bigint(row) ?? 0n)
  const proxies = readNamespaceProxies(kernel, new Set(nsproxies.filter((address) => address !== 0n)))
  // Numbers come from the initial namespace inwards: the last of a task is its innermost.
  const innermost = new Map([...pids.parents].map((parent, row) => [parent, row]))
  return Array.from({ length: batch.length }, (_, row) =>
    task(columns, row, batch.address(row), boot, views, pids, innermost.get(row), proxies.get(nsproxies[row] ?? 0n)),
  )
}

/** One object literal, whole: to put one together out of parts takes longer than to read what is in it. */
function task(
  columns: TaskColumns,
  row: number,
  address: bigint,
  boot: bigint | null,
  views: KnownBy,
  pids: Batch<(typeof PIDS)['select']>,
  innermost: number | undefined,
  proxy: NamespaceProxy | undefined,
): Task {
  const flags = columns.flags.number(row)
  const started = columns.started.bigint(row)
  const state = columns.state.number(row)
  const exitState = columns.exit_state.number(row)
  // Credentials of a task that has ended may be something else by now.
  const hasCred = columns.has_cred.number(row) === 1
  return {
    address,
    tid: columns.tid.number(row),
    pid: columns.pid.number(row),
    ppid: columns.ppid.number(row),
    comm: columns.comm.text(row),
    args: columns.mm.number(row) === 0 ? [] : argumentList(columns.args.text(row)),
    exe: columns.exe.text(row),
    state: stateLetter(state, exitState),
    uid: hasCred ? columns.uid.number(row) : null,
    gid: hasCred ? columns.gid.number(row) : null,
    euid: hasCred ? columns.euid.number(row) : null,
    egid: hasCred ? columns.egid.number(row) : null,
    kernel_thread: flags === null ? null : (flags & PF_KTHREAD) !== 0,
    threads: columns.threads.number(row),
    started: boot === null || started === null ? null : isoTime(boot + started),
    pid_in_ns: innermost === undefined ? null : pids.column('nr').number(innermost),
    cgroup: columns.cgroup.text(row),
    css_set: columns.css_set.bigint(row),
    found_by: views.get(address) ?? [],
    hostname: proxy?.hostname ?? null,
    seccomp: columns.seccomp.number(row),
    capabilities: {
      bounding: capabilitySet(columns.cap_bset.text(row)),
      effective: capabilitySet(columns.cap_effective.text(row)),
    },
    pid_ns: innermost === undefined ? null : pids.column('inode').number(innermost),
    mnt_ns: proxy?.mnt_ns ?? null,
    net_ns: proxy?.net_ns ?? null,
    uts_ns: proxy?.uts_ns ?? null,
    ipc_ns: proxy?.ipc_ns ?? null,
    user_ns: columns.user_ns.number(row),
    cgroup_ns: proxy?.cgroup_ns ?? null,
    time_ns: proxy?.time_ns ?? null,
    pid_ns_for_children: proxy?.pid_ns_for_children ?? null,
    time_ns_for_children: proxy?.time_ns_for_children ?? null,
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
export function capabilitySet(hex: string | null): bigint | null {
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

/** Whether a task is its thread group's leader, and so stands for the process. */
export function isLeader(task: Task): boolean {
  return task.tid === task.pid
}
