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

/** For each process of the tree the branch that it is on; `first` has the first process of each container, by its id. */
export function branchesOf(nodes: Iterable<TreeNode>, first: ReadonlyMap<string, number | null>): Branch[] {
  const found = new Map<PlacedTask, Branch>()
  for (const { task, parent } of nodes) {
    const begins = isFirst(task, first) || parent === null || parent.container !== task.container
    found.set(task, (begins ? undefined : found.get(parent)) ?? begun(task, parent, first))
  }
  return [...found.values()]
}

function isFirst({ container, pid }: PlacedTask, first: ReadonlyMap<string, number | null>): boolean {
  return container !== null && pid !== null && first.get(container) === pid
}

/** The branch that begins with a process. */
function begun(task: PlacedTask, parent: PlacedTask | null, first: ReadonlyMap<string, number | null>): Branch {
  if (task.container === null) return NO_BRANCH
  const entered_by = parent?.container === task.container ? null : (parent?.comm ?? null)
  if (isFirst(task, first)) return { entered: 'start', entered_by }
  const isKnown = (first.get(task.container) ?? null) !== null
  return isKnown && isFromOutside(task, parent) ? { entered: 'exec', entered_by } : NO_BRANCH
}

/**
 * Whether the parent must have started it. An orphan gets its parent in its own pid namespace: one that shares the host's
 * gets the engine, one of a pod that shares its own gets the sandbox's first process.
 */
function isFromOutside({ pid_ns }: PlacedTask, parent: PlacedTask | null): boolean {
  return pid_ns !== null && parent !== null && parent.pid_ns !== null && parent.pid_ns !== pid_ns
}
