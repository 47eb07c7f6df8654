/** What of the tree is selected, and which rows of a table that concerns. */

import type { ReportTable } from './table.js'
import type { TreeNode } from './tree.js'

/** The rows of a table that are about a node of the tree; null where the table does not say what its rows are about. */
export function rowsAbout(table: ReportTable, node: TreeNode): readonly number[] | null {
  if (node.kind === 'host') return null
  if (node.kind === 'pod') return rowsOfPod(table, node)
  if (node.kind === 'container') return rowsWith(table, containerColumns(table), node.container ?? '')
  if (node.kind === 'group') return rowsOfHost(table)
  return node.pid === undefined ? [] : rowsWith(table, table.meaning('pid'), node.pid)
}

/** A row's own columns first said, others' too: a connection concerns both ends. */
function containerColumns(table: ReportTable): string[] {
  return table.name === 'containers' ? ['id', 'parent'] : table.meaning('container')
}

function rowsWith(table: ReportTable, columns: readonly string[], wanted: string | number): readonly number[] | null {
  if (columns.length === 0) return null
  const found = new Set<number>()
  for (const column of columns) for (const row of table.rowsBy([column], JSON.stringify([wanted]))) found.add(row)
  return [...found].sort((left, right) => left - right)
}

function rowsOfPod(table: ReportTable, { pod = '', children }: TreeNode): readonly number[] | null {
  const parts = [
    rowsWith(table, table.meaning('pod'), pod),
    ...children.map(({ container = '' }) => rowsWith(table, containerColumns(table), container)),
  ]
  if (parts.every((part) => part === null)) return null
  return [...new Set(parts.flatMap((part) => part ?? []))].sort((left, right) => left - right)
}

/** Rows of processes that are in no container. */
function rowsOfHost(table: ReportTable): readonly number[] | null {
  const [container] = table.meaning('container')
  const [pid] = table.meaning('pid')
  if (container === undefined || pid === undefined) return null
  const outside = table.rowsBy([container], JSON.stringify([null]))
  return outside.filter((row) => table.value(row, pid) !== null)
}
