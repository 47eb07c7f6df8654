import type { Declaration } from '../api/analyzer.js'
import type { Value } from '../api/columns.js'
import type { Batch, ColumnValues } from '../api/table.js'
import type { Warning } from '../warning.js'
import type { TableData } from './tasks.js'

/** Joins the values of one column; typed arrays of one kind stay typed. */
function join(parts: readonly ColumnValues[], length: number): ColumnValues {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const all = new Array<Value>(length)
  let offset = 0
  for (const part of parts) {
    for (let index = 0; index < part.length; index++) all[offset + index] = part[index] ?? null
    offset += part.length
  }
  return all
}

/** One table out of its batches. */
export function collect(
  { name, columns, key }: Pick<Declaration, 'name' | 'columns' | 'key'>,
  batches: readonly Batch[],
  partial: readonly Warning[],
): TableData {
  const length = batches.reduce((sum, batch) => sum + batch.length, 0)
  const joined = Object.keys(columns).map((column): [string, ColumnValues] => {
    const parts = batches.map((batch) => batch.columns[column] ?? new Array<Value>(batch.length).fill(null))
    return [column, join(parts, length)]
  })
  return { name, length, columns: Object.fromEntries(joined), key: key ?? null, partial }
}
