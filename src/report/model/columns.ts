/** Columns as a report keeps them: few different values once, and which of them each row has. */

import type { Column, Columns, Value } from '../../api/columns.js'
import type { ColumnValues } from '../../api/table.js'
import { jsonCell } from '../../output/values.js'
import type { PackedColumn, PackedRows } from './document.js'

/** Above this share of different values an index would cost more than it saves. */
const MOST_DISTINCT = 0.5

/** What tells values apart: a text never looks like a list's or a record's JSON, for it begins with a quote. */
function identity(value: Value): Value {
  if (typeof value === 'string') return `"${value}`
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}

function packColumn(column: Column, values: ColumnValues, length: number): PackedColumn {
  const plain: Value[] = []
  const which: number[] = []
  const distinct: Value[] = []
  const known = new Map<Value, number>()
  for (let row = 0; row < length; row++) {
    const value = jsonCell(column, values[row])
    const key = identity(value)
    let index = known.get(key)
    if (index === undefined) {
      index = distinct.length
      known.set(key, index)
      distinct.push(value)
    }
    plain.push(value)
    which.push(index)
  }
  return distinct.length > length * MOST_DISTINCT ? plain : { distinct, which }
}

/** The rows in the form of every other output: `0x…` for addresses and for numbers beyond 2^53. */
export function packRows(columns: Columns, rows: Readonly<Record<string, ColumnValues>>, length: number): PackedRows {
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => [name, packColumn(column, rows[name] ?? [], length)]),
  )
}

/** The values of a packed column, in row order. */
export function unpackColumn(packed: PackedColumn): readonly Value[] {
  if (!('which' in packed)) return packed
  const { distinct, which } = packed
  return which.map((index) => distinct[index] ?? null)
}
