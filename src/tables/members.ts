/** What is beside each row that belongs to a process. */

import { integer, text } from '../api/columns.js'
import { podName } from '../containers/pod-name.js'
import type { Kernel } from '../kernel/kernel.js'
import { isLeader } from '../kernel/tasks.js'
import { containerRows } from './containers.js'
import { listedPlacedTasks, type PlacedTask } from './task.js'

/** Columns that say in which container something is, with the names that people know it by. */
export const containerColumns = {
  container: text('Id of the container it runs in', { meaning: 'container' }),
  container_name: text('Name of that container', { meaning: 'container_name' }),
  pod: text('Its Kubernetes pod, as namespace/name', { meaning: 'pod', detail: true }),
}

/** The same for what belongs to a namespace. */
export const ownerColumns = {
  ...containerColumns,
  container: text("Id of the container that owns the namespace: of its oldest process; null for the host's", {
    meaning: 'container',
  }),
}

/** Columns that say whose row it is. */
export const memberColumns = {
  pid: integer('Process id', { meaning: 'pid' }),
  comm: text('Name of the process'),
  ...containerColumns,
}

/** Where something runs, or whose it is: all null on the host. */
export interface Owner {
  container: string | null
  container_name: string | null
  pod: string | null
}

/** A process with the names of where it runs. */
export interface Member extends Owner {
  pid: number | null
  comm: string | null
}

/** The processes that a view knows, by the address of their leaders, ordered by pid; read once per image. */
export function readMembers(kernel: Kernel): ReadonlyMap<bigint, Readonly<Member>> {
  return kernel.once(readEveryMember)
}

/** Whether a process is one of those that are asked for by their ids, each by itself or several with commas between. */
export function asksFor(asked: readonly string[]): (process: { readonly pid: number | null }) => boolean {
  const pids = new Set(asked.flatMap((ids) => ids.split(',')).map((id) => id.trim()))
  return ({ pid }) => pids.has(String(pid))
}

/** The processes that are asked for, by the address of their leaders. */
export function readAskedMembers(kernel: Kernel, asked: readonly string[]): ReadonlyMap<bigint, Readonly<Member>> {
  const isAsked = asksFor(asked)
  return new Map([...readMembers(kernel)].filter(([, member]) => isAsked(member)))
}

function readEveryMember(kernel: Kernel): Map<bigint, Member> {
  const leaders = listedPlacedTasks(kernel).filter(isLeader)
  const names = containerNames(kernel)
  return new Map(leaders.map((task) => [task.address, member(task, names)]))
}

type Names = Omit<Owner, 'container'>

function member({ pid, comm, container }: PlacedTask, names: ReadonlyMap<string, Names>): Member {
  return Object.assign({ pid, comm }, ownerOf(container, names))
}

/** A container's id, or null, with the names beside it. */
export function ownerOf(container: string | null, names: ReadonlyMap<string, Names>): Owner {
  const named = container === null ? undefined : names.get(container)
  return { container, container_name: named?.container_name ?? null, pod: named?.pod ?? null }
}

/** Namespaces of a type by inode, with the containers that own them; read once per image. */
export function netOwners(kernel: Kernel): ReadonlyMap<number, Readonly<Owner>> {
  return kernel.once(readNetOwners)
}

/** The same for mount namespaces. */
export function mountOwners(kernel: Kernel): ReadonlyMap<number, Readonly<Owner>> {
  return kernel.once(readMountOwners)
}

/** The same for namespaces of what processes share. */
export function ipcOwners(kernel: Kernel): ReadonlyMap<number, Readonly<Owner>> {
  return kernel.once(readIpcOwners)
}

const readNetOwners = (kernel: Kernel) => namespaceOwners(kernel, 'net_ns')
const readMountOwners = (kernel: Kernel) => namespaceOwners(kernel, 'mnt_ns')
const readIpcOwners = (kernel: Kernel) => namespaceOwners(kernel, 'ipc_ns')

/**
 * A namespace belongs to the container of its oldest process, which in a pod is its sandbox's; that of pid 1 to the host,
 * whoever has entered it.
 */
function namespaceOwners(kernel: Kernel, type: 'net_ns' | 'mnt_ns' | 'ipc_ns'): Map<number, Owner> {
  const names = containerNames(kernel)
  const oldest = new Map<number, PlacedTask>()
  for (const task of listedPlacedTasks(kernel).filter(isLeader)) {
    const inode = task[type]
    if (inode === null) continue
    const other = oldest.get(inode)
    if (other === undefined || isOlder(task, other)) oldest.set(inode, task)
  }
  return new Map(
    [...oldest].map(([inode, { pid, container }]) => [inode, ownerOf(pid === 1 ? null : container, names)]),
  )
}

/** Pid 1 was there first; of others the ISO times of their starts can be compared as text. */
function isOlder(task: PlacedTask, other: PlacedTask): boolean {
  if (other.pid === 1 || task.pid === 1) return task.pid === 1
  return (task.started ?? '~') < (other.started ?? '~')
}

/** Containers' names and pods by their ids. What does not fit in them is for the table of containers to say. */
export function containerNames(kernel: Kernel): Map<string, Names> {
  const rows = containerRows(kernel, () => {})
  return new Map(
    rows.map(({ id, name, pod_namespace, pod_name }) => [
      id,
      {
        container_name: name,
        pod: podName(pod_namespace, pod_name),
      },
    ]),
  )
}
