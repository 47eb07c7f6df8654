/** Results of SQL as salvor's own tables, so that the formats there are can write them. */

import type { DuckDBResult, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import type { Column, Columns, ColumnType, Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { isoTime } from '../iso-time.js'

const INTEGERS: ReadonlySet<string> = new Set([
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'HUGEINT',
  'UTINYINT',
  'USMALLINT',
  'UINTEGER',
  'UHUGEINT',
])

/** What a column of a result holds. Nothing but an address is unsigned and of 64 bits (src/case/sql-types.ts). */
function typeOf(type: DuckDBType): ColumnType {
  const name = String(type)
  if (type.alias === 'JSON') return 'record'
  if (INTEGERS.has(name)) return 'integer'
  switch (name) {
    case 'UBIGINT':
      return 'address'
    case 'BOOLEAN':
      return 'flag'
    case 'VARCHAR':
      return 'text'
    case 'VARCHAR[]':
      return 'list'
    case 'TIMESTAMP':
      return 'time'
    default:
      return 'record'
  }
}

/** A result's columns, with names that are all different. */
export function columnsOf(result: DuckDBResult): Columns {
  const types = result.columnTypes()
  const names = result.deduplicatedColumnNames()
  return Object.fromEntries(
    names.map((name, index): [string, Column] => [
      name,
      { type: types[index] === undefined ? 'text' : typeOf(types[index]), description: '' },
    ]),
  )
}

interface Holder {
  readonly micros?: bigint
  readonly items?: readonly DuckDBValue[]
  readonly entries?: Readonly<Record<string, DuckDBValue>> | readonly { key: DuckDBValue; value: DuckDBValue }[]
}

/** A value as salvor has it: whole numbers exact, times to the microsecond; what it has no form for as text. */
function salvorValue(value: DuckDBValue, type: ColumnType): Value {
  if (type === 'record' && typeof value === 'string') return parsed(value)
  return plain(value)
}

function plain(value: DuckDBValue): Value {
  if (value === null || typeof value !== 'object') return value
  const { items, entries, micros } = value as Holder
  if (items !== undefined) return items.map(plain)
  if (Array.isArray(entries)) return entries.map(({ key, value: held }) => ({ key: plain(key), value: plain(held) }))
  if (entries !== undefined) return Object.fromEntries(Object.entries(entries).map(([key, held]) => [key, plain(held)]))
  // Of the kinds that count microseconds only a moment is written with its day.
  const text = String(value)
  if (micros !== undefined && /^-?\d+-\d\d-\d\d/.test(text)) return isoTime(micros * 1000n) ?? text
  return text
}

/** JSON that a column holds; a text that was made beside it stays one. */
function parsed(text: string): Value {
  try {
    return JSON.parse(text) as Value
  } catch {
    return text
  }
}

/** A result's rows, chunk by chunk, in its order. */
export async function* batchesOf(result: DuckDBResult, columns: Columns): AsyncGenerator<Batch> {
  const entries = Object.entries(columns)
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    const values = chunk.getColumns()
    yield {
      length: chunk.rowCount,
      columns: Object.fromEntries(
        entries.map(([name, { type }], index) => [
          name,
          (values[index] ?? []).map((value) => salvorValue(value, type)),
        ]),
      ),
    }
  }
}
