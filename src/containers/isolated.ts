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

export type Isolated = Pick<
  Task,
  'address' | 'pid' | 'tid' | 'ppid' | 'pid_in_ns' | 'pid_ns' | 'mnt_ns' | 'cgroup' | 'css_set' | 'started'
>

/** Processes that are looked at; whoever may make namespaces may make any number. */
const MOST = 256

/** What no engine put anywhere else. */
const NO_ROOTS = { docker: [], docker_state: [], containerd: [], containerd_state: [], storage: [] }

/** The paths of a task's cgroups: one, or on a host with v1's hierarchies one in each. */
export type PathsOf = (task: Isolated) => readonly string[]

/** By the paths of their cgroups, ids: the runtime's own where its state names cgroup or process, else of their pid namespaces. */
export function isolatedCgroups(
  kernel: Kernel,
  tasks: readonly Isolated[],
  containerOf: (path: string | null) => string | null,
  pathsOf: PathsOf,
): Map<string, string> {
  const leaders = tasks.filter(({ pid, tid }) => pid === tid)
  const host = leaders.find(({ pid }) => pid === 1)
  if (host === undefined) return new Map()
  const found = ownCgroups(leaders, host, containerOf, pathsOf)
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

/**
 * First processes of pid namespaces, by the topmost cgroups in which nobody is who is not in the namespace or below: one in
 * each hierarchy, for what has no cgroup of its own in some of them may have one in others.
 */
export function ownCgroups<T extends Isolated>(
  leaders: readonly T[],
  host: T,
  containerOf: (path: string | null) => string | null,
  pathsOf: (task: T) => readonly string[],
): Map<string, T> {
  const isKnown = (task: T) => pathsOf(task).some((path) => containerOf(path) !== null)
  const known = new Set(leaders.filter(isKnown).map(({ pid_ns }) => pid_ns))
  const first = leaders.filter(
    ({ pid_in_ns, pid_ns, mnt_ns }) =>
      pid_in_ns === 1 &&
      pid_ns !== null &&
      mnt_ns !== null &&
      pid_ns !== host.pid_ns &&
      mnt_ns !== host.mnt_ns &&
      !known.has(pid_ns),
  )
  if (first.length === 0) return new Map()
  const children = new Map<number | null, T[]>()
  for (const task of leaders) append(children, task.ppid, task)
  const found = new Map<string, T>()
  for (const init of first.slice(0, MOST)) {
    const inside = familyOf(init, leaders, children)
    const others = [...new Set(leaders.filter((task) => !inside.has(task)).flatMap(pathsOf))]
    // A path is of all hierarchies: who is there in one of them is there.
    const isOwn = (at: string) => !others.some((path) => isWithin(path, at))
    for (const own of new Set(pathsOf(init))) {
      const path = topmost(own, isOwn)
      if (path !== null && ![...found].some(([other, by]) => by !== init && isWithin(path, other)))
        found.set(path, init)
    }
  }
  return found
}

/** The processes of a pid namespace, and what they started. */
function familyOf<T extends Isolated>(
  init: T,
  leaders: readonly T[],
  children: ReadonlyMap<number | null, readonly T[]>,
): Set<T> {
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

function isWithin(path: string, cgroup: string): boolean {
  return path === cgroup || path.startsWith(`${cgroup}/`)
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
