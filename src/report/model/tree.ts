/** The host as a tree: pods, containers, processes. */

import { podName } from '../../containers/pod-name.js'
import type { ReportTable } from './table.js'

export type NodeKind = 'host' | 'pod' | 'container' | 'group' | 'process'

export interface TreeNode {
  readonly kind: NodeKind
  /** Tells it from all others of the tree. */
  readonly id: string
  /** Raw text of the image. */
  readonly label: string
  /** Beside the label, less important. */
  readonly note?: string
  readonly state?: 'running' | 'ended'
  /** Of a process. */
  readonly pid?: number
  /** Of a container, and of a process in one. */
  readonly container?: string
  /** Of a pod: namespace/name. */
  readonly pod?: string
  readonly children: TreeNode[]
}

export interface TreeTables {
  readonly host: string
  readonly processes: ReportTable | undefined
  readonly containers: ReportTable | undefined
}

/** Processes by the container they run in; null is the host. */
function processesByContainer(processes: ReportTable): Map<string | null, number[]> {
  const byContainer = new Map<string | null, number[]>()
  for (let row = 0; row < processes.length; row++) {
    const container = processes.string(row, 'container')
    const rows = byContainer.get(container)
    if (rows === undefined) byContainer.set(container, [row])
    else rows.push(row)
  }
  return byContainer
}

function processNode(processes: ReportTable, row: number, container: string | null): TreeNode {
  const pid = processes.number(row, 'pid')
  const ended = ['X', 'Z'].some((state) => processes.string(row, 'state')?.startsWith(state) === true)
  const args = processes.list(row, 'args').join(' ')
  return {
    kind: 'process',
    id: `process ${row}`,
    label: processes.string(row, 'comm') ?? '?',
    note: args,
    state: ended ? 'ended' : 'running',
    ...(pid === null ? {} : { pid }),
    ...(container === null ? {} : { container }),
    children: [],
  }
}

/** Processes below their parents, as far as these are among them. Each is there once, also where parents go in a circle. */
function nest(processes: ReportTable, rows: readonly number[], container: string | null): TreeNode[] {
  const nodes = new Map<number, TreeNode>()
  const byPid = new Map<number, number>()
  for (const row of rows) {
    nodes.set(row, processNode(processes, row, container))
    const pid = processes.number(row, 'pid')
    if (pid !== null && !byPid.has(pid)) byPid.set(pid, row)
  }
  const parentOf = (row: number): number | undefined => {
    const ppid = processes.number(row, 'ppid')
    const parent = ppid === null ? undefined : byPid.get(ppid)
    return parent === row ? undefined : parent
  }
  const roots: TreeNode[] = []
  // A row is known to lead to a root, or was found in a circle, and is then made one.
  const settled = new Set<number>()
  for (const row of rows) {
    const path = new Set<number>()
    let at: number | undefined = row
    while (at !== undefined && !settled.has(at) && !path.has(at)) {
      path.add(at)
      at = parentOf(at)
    }
    const circle = at !== undefined && !settled.has(at) ? at : undefined
    for (const member of path) {
      settled.add(member)
      const parent = member === circle ? undefined : parentOf(member)
      const node = nodes.get(member)
      if (node === undefined) continue
      if (parent === undefined) roots.push(node)
      else nodes.get(parent)?.children.push(node)
    }
  }
  return roots
}

function containerNode(containers: ReportTable, row: number, children: TreeNode[]): TreeNode {
  const id = containers.string(row, 'id') ?? ''
  const state = containers.string(row, 'state')
  return {
    kind: 'container',
    id: `container ${id}`,
    label: containers.string(row, 'name') ?? id.slice(0, 12),
    note: [containers.string(row, 'image'), state === 'running' ? null : state]
      .filter((part) => part !== null)
      .join(' · '),
    state: state === 'running' ? 'running' : 'ended',
    container: id,
    children,
  }
}

/** By code units, so that it is the same in every locale. */
function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** By label, and where that is the same by id. */
function byLabel(left: TreeNode, right: TreeNode): number {
  return order(left.label, right.label) || order(left.id, right.id)
}

/** Host → pod → container → process; host → container → process; and the processes of the host itself. */
export function buildTree({ host, processes, containers }: TreeTables): TreeNode {
  const byContainer = processes === undefined ? new Map<string | null, number[]>() : processesByContainer(processes)
  const pods = new Map<string, TreeNode>()
  const plain: TreeNode[] = []
  const known = new Set<string>()
  const inside = (id: string): TreeNode[] =>
    processes === undefined ? [] : nest(processes, byContainer.get(id) ?? [], id)

  for (let row = 0; containers !== undefined && row < containers.length; row++) {
    const id = containers.string(row, 'id')
    if (id === null || known.has(id)) continue
    known.add(id)
    const node = containerNode(containers, row, inside(id))
    const pod = podName(containers.string(row, 'pod_namespace'), containers.string(row, 'pod_name'))
    if (pod === null) plain.push(node)
    else {
      const above = pods.get(pod) ?? { kind: 'pod', id: `pod ${pod}`, label: pod, pod, children: [] }
      pods.set(pod, above)
      above.children.push(node)
    }
  }
  // Containers that only processes speak of.
  for (const id of byContainer.keys()) {
    if (id === null || known.has(id)) continue
    plain.push({
      kind: 'container',
      id: `container ${id}`,
      label: id.slice(0, 12),
      note: 'known by its processes alone',
      container: id,
      children: inside(id),
    })
  }
  const own = processes === undefined ? [] : nest(processes, byContainer.get(null) ?? [], null)
  const group: TreeNode[] =
    own.length === 0
      ? []
      : [{ kind: 'group', id: 'group host', label: 'Processes of the host', note: String(count(own)), children: own }]
  return {
    kind: 'host',
    id: 'host',
    label: host,
    children: [...[...pods.values()].map(sorted).sort(byLabel), ...plain.sort(byLabel), ...group],
  }
}

function sorted(pod: TreeNode): TreeNode {
  pod.children.sort(byLabel)
  return pod
}

function count(nodes: readonly TreeNode[]): number {
  let sum = 0
  const waiting = [...nodes]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    sum++
    for (const child of node.children) waiting.push(child)
  }
  return sum
}
