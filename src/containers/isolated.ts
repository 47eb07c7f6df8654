/**
 * Containers of no engine that is known: processes in pid and mount namespaces, a root and a cgroup of their own. A
 * service that systemd hides things from keeps the host's root, a sandbox shares the cgroup of the program that made it.
 */

import { append } from '../append.js'
import { CachedFiles } from '../kernel/files.js'
import type { Kernel } from '../kernel/kernel.js'
import { readMounts } from '../kernel/mounts.js'
import type { Task } from '../kernel/tasks.js'
import { startTicks } from '../kernel/time.js'
import { type Declared, readDeclared } from './declared.js'
import { assignedCgroups, ownerOf } from './groups.js'
import { isStartOf } from './runc-state.js'

type Isolated = Pick<
  Task,
  'address' | 'pid' | 'tid' | 'ppid' | 'pid_in_ns' | 'pid_ns' | 'mnt_ns' | 'cgroup' | 'started'
>

/** Processes that are looked at; whoever may make namespaces may make any number. */
const MOST = 256

/** What no engine put anywhere else. */
const NO_ROOTS = { docker: [], docker_state: [], containerd: [], containerd_state: [], storage: [] }

/** By the paths of their cgroups, ids: the runtime's own where its state names cgroup or process, else of their pid namespaces. */
export function isolatedCgroups(
  kernel: Kernel,
  tasks: readonly Isolated[],
  containerOf: (path: string | null) => string | null,
): Map<string, string> {
  const leaders = tasks.filter(({ pid, tid }) => pid === tid)
  const host = leaders.find(({ pid }) => pid === 1)
  if (host === undefined) return new Map()
  const found = ownCgroups(leaders, host, containerOf)
  const roots = rootsOf(kernel, [host, ...found.values()])
  const own = [...found].filter(([, { address }]) => {
    const root = roots.get(address) ?? []
    return root.length > 0 && !root.some((dentry) => roots.get(host.address)?.includes(dentry))
  })
  const files = own.length === 0 ? null : CachedFiles.of(kernel, host.address)
  if (files === null) return new Map()
  const declared = readDeclared(files, NO_ROOTS)
  const assigned = assignedCgroups(declared)
  const idOf = (path: string, init: Isolated) =>
    ownerOf(path, assigned) ?? startedAs(kernel, init, declared) ?? `pidns-${init.pid_ns}`
  return new Map(own.map(([path, init]) => [path, idOf(path, init)]))
}

/** The container whose runtime says that it made this process. */
function startedAs(kernel: Kernel, { pid, started }: Isolated, { containers }: Declared): string | null {
  const start = { started, start_ticks: startTicks(kernel, started) }
  for (const { id, state } of containers.values())
    if (state !== null && state.value.init_pid === pid && isStartOf(state.value, start)) return id
  return null
}

/** First processes of pid namespaces, by the topmost cgroup in which nobody is who is not in the namespace or below. */
function ownCgroups(
  leaders: readonly Isolated[],
  host: Isolated,
  containerOf: (path: string | null) => string | null,
): Map<string, Isolated> {
  const known = new Set(leaders.filter(({ cgroup }) => containerOf(cgroup) !== null).map(({ pid_ns }) => pid_ns))
  const first = leaders.filter(
    ({ pid_in_ns, pid_ns, mnt_ns, cgroup }) =>
      pid_in_ns === 1 &&
      pid_ns !== null &&
      mnt_ns !== null &&
      pid_ns !== host.pid_ns &&
      mnt_ns !== host.mnt_ns &&
      !known.has(pid_ns) &&
      containerOf(cgroup) === null,
  )
  if (first.length === 0) return new Map()
  const children = new Map<number | null, Isolated[]>()
  for (const task of leaders) append(children, task.ppid, task)
  const found = new Map<string, Isolated>()
  for (const init of first.slice(0, MOST)) {
    const inside = familyOf(init, leaders, children)
    const path = topmost(init.cgroup ?? '/', (at) =>
      leaders.every((task) => inside.has(task) || !isWithin(task.cgroup, at)),
    )
    if (path !== null && ![...found.keys()].some((other) => isWithin(path, other))) found.set(path, init)
  }
  return found
}

/** The processes of a pid namespace, and what they started. */
function familyOf(
  init: Isolated,
  leaders: readonly Isolated[],
  children: ReadonlyMap<number | null, readonly Isolated[]>,
): Set<Isolated> {
  const family = new Set(leaders.filter(({ pid_ns }) => pid_ns === init.pid_ns))
  for (const task of family) for (const child of children.get(task.pid) ?? []) family.add(child)
  return family
}

/** The path, or what is above it, as long as it holds; a slice is of several. */
function topmost(path: string, holds: (path: string) => boolean): string | null {
  let found: string | null = null
  for (let at = path.slice(0, 4096); at !== '' && !at.endsWith('.slice') && holds(at); ) {
    if (at !== '/') found = at
    at = at.slice(0, at.lastIndexOf('/'))
  }
  return found
}

function isWithin(path: string | null, cgroup: string): boolean {
  return path !== null && (path === cgroup || path.startsWith(`${cgroup}/`))
}

/** Dentries that are mounted as the root in the mount namespaces of some tasks. */
function rootsOf(kernel: Kernel, tasks: readonly Isolated[]): Map<bigint, bigint[]> {
  if (tasks.length < 2) return new Map()
  const addresses = tasks.map(({ address }) => address)
  return new Map(
    [...readMounts(kernel, addresses, true)].map(([task, mounts]) => [
      task,
      mounts.flatMap(({ target, type, root_dentry }) => (target === '/' && type !== 'rootfs' ? [root_dentry] : [])),
    ]),
  )
}
