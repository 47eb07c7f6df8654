/** What the kernel still knows of processes that have ended: exit codes, `struct pid`s that nobody bears, pidfds to them. */

import { append } from '../append.js'
import { readCgroups } from './cgroups.js'
import { readDescriptors } from './descriptors.js'
import type { Kernel } from './kernel.js'
import { rulesOf, TASK_STRUCT } from './objects.js'
import { hlist, type Nested, obeys, optional, xarray } from './query.js'

const PID = 'struct pid'
/** EXIT_ZOMBIE (include/linux/sched.h). */
const EXIT_ZOMBIE = 0x20
/** PIDFS_ATTR_BIT_EXIT (fs/pidfs.c): from 7.1 on a bit says that there is an exit code. */
const HAS_EXIT = 1

/** How a process ended: what it gave to exit(), or the signal that ended it. */
export interface Ending {
  exit_code: number | null
  exit_signal: number | null
  core_dumped: boolean | null
}

/** From the word that wait() gives (include/uapi/linux/wait.h). */
export function endingOf(code: number | null): Ending {
  if (code === null) return { exit_code: null, exit_signal: null, core_dumped: null }
  const signal = code & 0x7f
  return {
    exit_code: signal === 0 ? (code >> 8) & 0xff : null,
    exit_signal: signal === 0 ? null : signal,
    core_dumped: (code & 0x80) !== 0,
  }
}

/** How some tasks ended, and whether each only waits for its parent to ask. */
export function readEndings(kernel: Kernel, tasks: Iterable<bigint>): Map<bigint, Ending & { zombie: boolean }> {
  const batch = kernel.at(tasks, TASK_STRUCT).select({ code: 'exit_code', state: 'exit_state' })
  return new Map(
    Array.from(batch.addresses, (address, row) => {
      const zombie = ((batch.column('state').number(row) ?? 0) & EXIT_ZOMBIE) !== 0
      return [address, { ...endingOf(batch.column('code').number(row)), zombie }]
    }),
  )
}

/** The number of a process that has ended, which something still holds. */
export interface DeadPid extends Ending {
  /** Of the `struct pid`. */
  address: bigint
  pid: number | null
  /** Whether it is still among the numbers in use: as that of a process group or session. */
  in_use: boolean
  /** Processes that are in its session, and in its process group. */
  session: number
  group: number
  /** Who has a pidfd to it: leader and descriptor. */
  holders: { task: bigint; fd: number | null }[]
  /** Path of the cgroup that it was in, from 6.18 on. */
  cgroup: string | null
}

const member = (type: string) =>
  ({
    walk: hlist(`tasks[${type}]`, TASK_STRUCT, [`pid_links[${type}]`, `pids[${type}].node`]),
    select: {},
  }) satisfies Nested

const NUMBER = {
  pid: 'numbers[0].nr',
  task: 'tasks[PIDTYPE_PID].first',
  sound: obeys(rulesOf(PID)),
  // Behind NULL, or behind an error once the process has gone and nobody had opened it.
  code: optional(['attr->exit_info->exit_code', 'attr->exit_code']),
  mask: optional('attr->attr_mask'),
  cgroup: optional(['attr->exit_info->cgroupid', 'attr->cgroupid']),
} as const

/** Numbers that no task bears: those in use, and those that a pidfd leads to. */
export function readDeadPids(kernel: Kernel, leaders: readonly bigint[]): DeadPid[] {
  const numbers = kernel.symbol('init_pid_ns', 'struct pid_namespace').walk(xarray('idr', PID))
  const used = numbers.select({ task: 'tasks[PIDTYPE_PID].first' })
  const idle = new Set(used.addresses.filter((_, row) => used.column('task').bigint(row) === 0n))
  const holders = pidHolders(kernel, leaders)
  const known = kernel.ofKindsItHas().leftovers()
  const asked = new Set([...idle, ...holders.keys()])
  const batch = known.at(asked, PID).select(NUMBER, { session: member('PIDTYPE_SID'), group: member('PIDTYPE_PGID') })
  const [sessions, groups] = [batch.child('session').byParent(), batch.child('group').byParent()]
  const cgroupOf = cgroupPaths(known, batch.column('cgroup').bigint.bind(batch.column('cgroup')), batch.length)
  return Array.from({ length: batch.length }, (_, row) => row).flatMap((row): DeadPid[] => {
    const number = (name: keyof typeof NUMBER) => batch.column(name).number(row)
    const address = batch.address(row)
    if (number('sound') !== 1 || batch.column('task').bigint(row) !== 0n) return []
    const mask = number('mask')
    const told = mask === null || (mask & HAS_EXIT) !== 0
    return [
      {
        address,
        pid: number('pid'),
        ...endingOf(told ? number('code') : null),
        in_use: idle.has(address),
        session: sessions.get(row)?.length ?? 0,
        group: groups.get(row)?.length ?? 0,
        holders: holders.get(address) ?? [],
        cgroup: told ? (cgroupOf.get(batch.column('cgroup').bigint(row) ?? 0n) ?? null) : null,
      },
    ]
  })
}

/** `struct pid`s that pidfds lead to: through their inode from 6.9 on, before through the file itself. */
function pidHolders(kernel: Kernel, leaders: readonly bigint[]): Map<bigint, DeadPid['holders']> {
  const held = readDescriptors(kernel, leaders).filter(({ type }) => type === 'pidfd')
  const files = kernel
    .at(
      held.map(({ address }) => address),
      'struct file',
    )
    .select({ own: 'private_data', inode: 'f_inode->i_private' })
  const holders = new Map<bigint, DeadPid['holders']>()
  for (const [row, { task, fd }] of held.entries()) {
    const pid = files.column('inode').bigint(row) || files.column('own').bigint(row)
    if (pid) append(holders, pid, { task, fd })
  }
  return holders
}

/** Paths by the id of a cgroup, where there is one to look for. */
function cgroupPaths(kernel: Kernel, idOf: (row: number) => bigint | null, rows: number): Map<bigint, string | null> {
  const wanted = Array.from({ length: rows }, (_, row) => idOf(row)).some((id) => id !== null && id !== 0n)
  const cgroups = wanted ? readCgroups(kernel) : []
  const paths = new Map(cgroups.map(({ address, path }) => [address, path]))
  const batch = kernel.at(paths.keys(), 'struct cgroup').select({ id: ['kn->id.id', 'kn->id'] })
  return new Map(
    Array.from(batch.addresses, (address, row) => [batch.column('id').bigint(row) ?? 0n, paths.get(address) ?? null]),
  )
}
