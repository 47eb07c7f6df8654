import type { Columns } from '../api/columns.js'
import { labelled } from './labelled.js'

/** Name, type and sentence of each column. */
export function columnLines(columns: Columns, width: number): string[] {
  const entries = Object.entries(columns)
  const name = Math.max(...entries.map(([key]) => key.length))
  return labelled(
    entries.map(([key, column]) => [`${key.padEnd(name)}  ${column.type}`, column.description]),
    width,
  )
}
