/** How each branch of a container's processes came to be there. */

import type { TreeNode } from './process-tree.js'
import type { PlacedTask } from './task.js'

/** `start`: with the container; `exec`: brought into it from outside while it ran. */
export type Entered = 'start' | 'exec'

export interface Branch {
  readonly entered: Entered | null
  /** Name of the parent outside the container that its first process has. */
  readonly entered_by: string | null
}

/** Of what runs in no container, and of what nobody can tell. */
const NO_BRANCH: Branch = { entered: null, entered_by: null }

/** What tells branches apart. */
export interface Entrances {
  /** The first process of each container, by its id. */
  readonly first: ReadonlyMap<string, number | null>
  /** Process ids of the leaders of sessions at terminals behind which a process stands. */
  sessionsBehind(task: PlacedTask): ReadonlySet<number>
}

/** For each process of the tree the branch that it is on. */
export function branchesOf(nodes: Iterable<TreeNode>, entrances: Entrances): Branch[] {
  const found = new Map<PlacedTask, Branch>()
  for (const { task, parent } of nodes) {
    const begins = isFirst(task, entrances) || parent === null || parent.container !== task.container
    found.set(task, (begins ? undefined : found.get(parent)) ?? begun(task, parent, entrances))
  }
  return [...found.values()]
}

function isFirst({ container, pid }: PlacedTask, { first }: Entrances): boolean {
  return container !== null && pid !== null && first.get(container) === pid
}

/** The branch that begins with a process. */
function begun(task: PlacedTask, parent: PlacedTask | null, entrances: Entrances): Branch {
  if (task.container === null) return NO_BRANCH
  const entered_by = parent?.container === task.container ? null : (parent?.comm ?? null)
  if (isFirst(task, entrances)) return { entered: 'start', entered_by }
  const isKnown = (entrances.first.get(task.container) ?? null) !== null
  const isExec = isKnown && parent !== null && parent.container !== task.container && isBrought(task, parent, entrances)
  return isExec ? { entered: 'exec', entered_by } : NO_BRANCH
}

/**
 * Whether the parent must have brought it in. An orphan gets its parent in its own pid namespace: one that shares the host's
 * gets the engine, one of a pod that shares its own gets the sandbox's first process. None of them leads a session at a
 * terminal that the engine made for it.
 */
function isBrought({ pid, pid_ns }: PlacedTask, parent: PlacedTask, { sessionsBehind }: Entrances): boolean {
  if (pid === null || pid_ns === null || parent.pid_ns === null) return false
  return parent.pid_ns !== pid_ns || sessionsBehind(parent).has(pid)
}
