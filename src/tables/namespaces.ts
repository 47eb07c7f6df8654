/** Namespaces gathered from the tasks that are in them, and from what holds those that no task is in. */

import { listedNamespaces, mountedNamespaces, openNamespaces } from '../kernel/held-namespaces.js'
import type { Kernel } from '../kernel/kernel.js'
import type { NamespaceSet } from '../kernel/namespaces.js'
import { readNetNamespaces } from '../kernel/networks.js'
import { isLeader, type Task } from '../kernel/tasks.js'
import { listedPlacedTasks, type PlacedTask } from './task.js'

const TYPES: Record<string, keyof NamespaceSet> = {
  cgroup: 'cgroup_ns',
  ipc: 'ipc_ns',
  mnt: 'mnt_ns',
  net: 'net_ns',
  pid: 'pid_ns',
  time: 'time_ns',
  user: 'user_ns',
  uts: 'uts_ns',
}

/** A row of the namespaces table. */
export interface NamespaceRow {
  type: string
  inode: number
  owner_pid: number | null
  owner_comm: string | null
  processes: number
  hostname: string | null
  container: string | null
  /** Who keeps it though no process need be in it. */
  held_by: string[]
}

/** Places at which one namespace is mounted that are named: a container sees the mounts of its host again. */
const MOST_NAMED = 4

/** One row per namespace, ordered by type and inode. */
export function namespaceRows(kernel: Kernel): NamespaceRow[] {
  const tasks = listedPlacedTasks(kernel)
  const leaders = new Map(tasks.filter(isLeader).map((task) => [task.pid, task]))
  const all = listedNamespaces(kernel)
  const holders = holdersOf(kernel, [...leaders.values()])
  const known = new Map(Object.keys(TYPES).map((type) => [type, all.filter((one) => one.type === type)]))
  return Object.keys(TYPES).flatMap((type) => {
    const members = membersOf(tasks, type)
    const held = holders.get(type) ?? new Map<number, string[]>()
    const listed = [...(type === 'net' ? readNetNamespaces(kernel) : []), ...(known.get(type) ?? [])]
    for (const inode of [...listed.map(({ inode }) => inode), ...held.keys()])
      if (inode !== null && !members.has(inode)) members.set(inode, [])
    return [...members]
      .sort(([left], [right]) => left - right)
      .map(([inode, inside]) => ({ ...row(type, inode, inside, leaders), held_by: held.get(inode) ?? [] }))
  })
}

/** Who holds namespaces, by their type and inode: descriptors, then mounts. */
function holdersOf(kernel: Kernel, leaders: readonly PlacedTask[]): Map<string, Map<number, string[]>> {
  const processes = new Map(leaders.map((task) => [task.address, task]))
  const holders = new Map<string, Map<number, string[]>>()
  const add = ({ type, inode }: { type: string; inode: number }, holder: string) => {
    const ofType = holders.get(type) ?? new Map<number, string[]>()
    holders.set(type, ofType)
    const known = ofType.get(inode)
    if (known === undefined) ofType.set(inode, [holder])
    else if (!known.includes(holder)) known.push(holder)
  }
  for (const open of openNamespaces(kernel, [...processes.keys()])) {
    const process = processes.get(open.task)
    add(open, `pid ${process?.pid ?? '?'} (${process?.comm ?? '?'}) fd ${open.fd}`)
  }
  const places = new Map<string, Set<string>>()
  for (const mounted of mountedNamespaces(kernel)) {
    const key = `${mounted.type} ${mounted.inode}`
    const known = places.get(key) ?? new Set<string>()
    places.set(key, known)
    if (known.size < MOST_NAMED && !known.has(mounted.target)) add(mounted, `mount ${mounted.target}`)
    known.add(mounted.target)
  }
  return holders
}

/** Tasks by the inode of their namespace of a type; a namespace that only children will be in counts as well. */
function membersOf(tasks: readonly PlacedTask[], type: string): Map<number, PlacedTask[]> {
  const members = new Map<number, PlacedTask[]>()
  for (const task of tasks) {
    for (const inode of new Set(inodesOf(task, type))) {
      const inside = members.get(inode)
      if (inside) inside.push(task)
      else members.set(inode, [task])
    }
  }
  return members
}

function inodesOf(task: Task, type: string): number[] {
  const own = task[TYPES[type] ?? 'pid_ns']
  const { pid_ns_for_children, time_ns_for_children } = task
  const next = type === 'pid' ? pid_ns_for_children : type === 'time' ? time_ns_for_children : null
  return [own, next].filter((inode): inode is number => inode !== null)
}

function row(
  type: string,
  inode: number,
  inside: PlacedTask[],
  leaders: Map<number | null, PlacedTask>,
): Omit<NamespaceRow, 'held_by'> {
  // Tasks come ordered by pid: the first is the owner.
  const owner = inside[0] && (leaders.get(inside[0].pid) ?? inside[0])
  return {
    type,
    inode,
    owner_pid: owner?.pid ?? null,
    owner_comm: owner?.comm ?? null,
    processes: new Set(inside.map(({ pid }) => pid)).size,
    hostname: type === 'uts' ? (inside[0]?.hostname ?? null) : null,
    container: owner?.container ?? null,
  }
}
