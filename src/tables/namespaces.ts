/** Namespaces gathered from the tasks that are in them. */

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
}

/** One row per namespace, ordered by type and inode. */
export function namespaceRows(kernel: Kernel): NamespaceRow[] {
  const tasks = listedPlacedTasks(kernel)
  const leaders = new Map(tasks.filter(isLeader).map((task) => [task.pid, task]))
  return Object.keys(TYPES).flatMap((type) => {
    const members = membersOf(tasks, type)
    if (type === 'net') {
      for (const { inode } of readNetNamespaces(kernel))
        if (inode !== null && !members.has(inode)) members.set(inode, [])
    }
    return [...members]
      .sort(([left], [right]) => left - right)
      .map(([inode, inside]) => row(type, inode, inside, leaders))
  })
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

function row(type: string, inode: number, inside: PlacedTask[], leaders: Map<number | null, PlacedTask>): NamespaceRow {
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
