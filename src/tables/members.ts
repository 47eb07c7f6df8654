/** What is beside each row that belongs to a process. */

import { integer, text } from '../api/columns.js'
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

/** Columns that say whose row it is. */
export const memberColumns = {
  pid: integer('Process id', { meaning: 'pid' }),
  comm: text('Name of the process'),
  ...containerColumns,
}

/** A process with the names of where it runs. */
export interface Member {
  pid: number | null
  comm: string | null
  container: string | null
  container_name: string | null
  pod: string | null
}

/** The processes that a view knows, by the address of their leaders, ordered by pid; read once per image. */
export function readMembers(kernel: Kernel): ReadonlyMap<bigint, Readonly<Member>> {
  return kernel.once(readEveryMember)
}

function readEveryMember(kernel: Kernel): Map<bigint, Member> {
  const leaders = listedPlacedTasks(kernel).filter(isLeader)
  const names = containerNames(kernel)
  return new Map(leaders.map((task) => [task.address, member(task, names)]))
}

type Names = Pick<Member, 'container_name' | 'pod'>

function member({ pid, comm, container }: PlacedTask, names: ReadonlyMap<string, Names>): Member {
  const named = container === null ? undefined : names.get(container)
  return { pid, comm, container, container_name: named?.container_name ?? null, pod: named?.pod ?? null }
}

/** Containers' names and pods by their ids. What does not fit in them is for the table of containers to say. */
export function containerNames(kernel: Kernel): Map<string, Names> {
  const rows = containerRows(kernel, () => {})
  return new Map(
    rows.map(({ id, name, pod_namespace, pod_name }) => [
      id,
      {
        container_name: name,
        pod: pod_namespace === null || pod_name === null ? null : `${pod_namespace}/${pod_name}`,
      },
    ]),
  )
}
