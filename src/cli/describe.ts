import type { Columns } from '../api/columns.js'

/** One line per column: name, type, sentence. */
export function columnLines(columns: Columns, indent: string): string[] {
  const entries = Object.entries(columns)
  const name = Math.max(...entries.map(([key]) => key.length))
  const type = Math.max(...entries.map(([, column]) => column.type.length))
  return entries.map(
    ([key, column]) => `${indent}${key.padEnd(name)}  ${column.type.padEnd(type)}  ${column.description}`,
  )
}
