/** Processes in the order of their descent. */

import { append } from '../append.js'
import type { PlacedTask } from './task.js'

export interface TreeNode {
  task: PlacedTask
  /** Ancestors that are known. */
  depth: number
  /** Null where it is on no list, or below the process itself. */
  parent: PlacedTask | null
}

/**
 * Each process below its parent, once: first what comes from pid 1 and 2, which the kernel starts, then what has a parent
 * that nobody knows, or none but each other. Children come in the order of the tasks.
 */
export function* processTree(tasks: readonly PlacedTask[]): Generator<TreeNode> {
  const children = new Map<number | null, PlacedTask[]>()
  for (const task of tasks) append(children, task.ppid, task)
  const known = new Set(tasks.map(({ pid }) => pid))
  const seen = new Set<PlacedTask>()
  for (const root of [...tasks.filter(({ ppid }) => !known.has(ppid)), ...tasks]) {
    const waiting: TreeNode[] = [{ task: root, depth: 0, parent: null }]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      const { task, depth } = node
      if (seen.has(task)) continue
      seen.add(task)
      yield node
      for (const child of (children.get(task.pid) ?? []).toReversed()) {
        waiting.push({ task: child, depth: depth + 1, parent: task })
      }
    }
  }
}
