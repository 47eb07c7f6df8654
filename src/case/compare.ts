/** What one image, or container, has that another lacks, by the keys of tables' rows. */

import type { Column, Columns, ColumnType, Meaning, Value } from '../api/columns.js'
import { jsonCell } from '../output/values.js'
import type { SqlSource } from './sql.js'
import { columnName, literal, quoted, tableName } from './sql-types.js'

/** One side of a comparison. */
export interface Side {
  readonly source: SqlSource
  /** What `image_id` says of its rows. */
  readonly image: string
  /** Which boot of which kernel it is of; null where that is not known. */
  readonly boot: string | null
  /** Of one container, by its id and name. */
  readonly container?: { readonly id: string; readonly name: string | null }
}

export interface ComparedTable {
  readonly name: string
  readonly columns: Columns
  readonly key?: readonly string[]
}

export interface Difference {
  readonly table: string
  readonly what: 'only in A' | 'only in B' | 'changed'
  /** By what the row is known. */
  readonly row: Readonly<Record<string, Value>>
  /** What the columns that differ hold in either. */
  readonly changes: Readonly<Record<string, readonly [Value, Value]>> | null
}

/** What a host counts anew with each boot, or a runtime with each container. */
const OF_ONE_BOOT: ReadonlySet<Meaning> = new Set<Meaning>([
  'pid',
  'process',
  'tid',
  'inode',
  'cgroup',
  'namespace',
  'container',
  'pod',
])
const OF_ONE_CONTAINER: ReadonlySet<Meaning> = new Set<Meaning>(['container', 'container_name', 'pod', 'cgroup'])
/** What changes from one moment to the next, or says how a row was found and not what it is. */
const PASSING: ReadonlySet<string> = new Set(['state', 'found_by'])
const SAYING: ReadonlySet<ColumnType> = new Set<ColumnType>(['text', 'list', 'flag'])

interface Terms {
  /** The columns that say which row it is. */
  readonly identity: readonly string[]
  /** Those that may be other in the same row. */
  readonly compared: readonly string[]
}

/** By which columns rows are the same: the declared key within one boot, else what does not hang on one. */
export function termsOf({ columns, key }: ComparedTable, sameBoot: boolean, sameContainer: boolean): Terms {
  const moves = ({ meaning = '' }: Column): boolean =>
    (!sameBoot && OF_ONE_BOOT.has(meaning)) || (!sameContainer && OF_ONE_CONTAINER.has(meaning))
  const entries = Object.entries(columns)
  const lasting = entries.filter(([, column]) => column.type !== 'address' && !moves(column))
  const names = new Set(lasting.map(([name]) => name))
  if (sameBoot && key?.every((name) => names.has(name)))
    return { identity: key, compared: [...names].filter((name) => !key.includes(name)) }
  const saying = lasting.filter(([name, { type }]) => SAYING.has(type) && !PASSING.has(name)).map(([name]) => name)
  const kept = (key ?? []).filter((name) => names.has(name) && columns[name]?.type !== 'time')
  // A key of which only numbers are left names nothing in another boot.
  if (!kept.some((name) => saying.includes(name))) return { identity: saying, compared: [] }
  return { identity: kept, compared: saying.filter((name) => !kept.includes(name)) }
}

type Row = Readonly<Record<string, Value>>

async function rowsOf(side: Side, { name, columns }: ComparedTable, names: readonly string[]): Promise<Row[]> {
  const where = [`image_id = ${literal(side.image)}`]
  const { container } = side
  if (container !== undefined) where.push(`(${containerTests(columns, container).join(' OR ')})`)
  const list = names.map((column) => quoted(columnName(column))).join(', ')
  const sql = `SELECT ${list} FROM ${quoted(tableName(name))} WHERE ${where.join(' AND ')} ORDER BY image_row`
  const rows: Row[] = []
  for await (const batch of (await side.source.query(sql)).batches) {
    for (let index = 0; index < batch.length; index++) {
      const cells = names.map((column) => {
        const declared = columns[column] ?? { type: 'text' as const, description: '' }
        return [column, jsonCell(declared, batch.columns[columnName(column)]?.[index])]
      })
      rows.push(Object.fromEntries(cells) as Row)
    }
  }
  return rows
}

/** A name counts only where a table has no ids. */
function containerTests(columns: Columns, { id, name }: NonNullable<Side['container']>): string[] {
  const meaning = (wanted: string): string[] =>
    Object.entries(columns).flatMap(([column, { meaning: has }]) => (has === wanted ? quoted(columnName(column)) : []))
  const ids = meaning('container').map((column) => `${column} = ${literal(id)}`)
  if (ids.length > 0 || name === null) return ids
  return meaning('container_name').map((column) => `${column} = ${literal(name)}`)
}

/** Whether a table says of its rows whose container they are. */
export function hasContainers(columns: Columns): boolean {
  return Object.values(columns).some(({ meaning }) => meaning === 'container' || meaning === 'container_name')
}

function pick(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]))
}

function byIdentity(rows: readonly Row[], identity: readonly string[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>()
  for (const row of rows) {
    const key = JSON.stringify(identity.map((name) => row[name] ?? null))
    const same = found.get(key)
    if (same === undefined) found.set(key, [row])
    else same.push(row)
  }
  return found
}

function changesOf(a: Row, b: Row, names: readonly string[]): Difference['changes'] {
  const changed = names.filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]))
  if (changed.length === 0) return null
  return Object.fromEntries(changed.map((name) => [name, [a[name] ?? null, b[name] ?? null]]))
}

/** The differences of one table, in the order of A's rows and then of B's. */
export async function* compareTable(a: Side, b: Side, table: ComparedTable): AsyncGenerator<Difference> {
  const sameBoot = a.boot !== null && a.boot === b.boot
  const sameContainer = a.container?.id === b.container?.id
  const { identity, compared } = termsOf(table, sameBoot, sameContainer)
  if (identity.length === 0) return
  const names = [...identity, ...compared]
  // One after the other: both may be asked of one database, which streams one result at a time.
  const left = await rowsOf(a, table, names)
  const right = await rowsOf(b, table, names)
  const [inA, inB] = [byIdentity(left, identity), byIdentity(right, identity)]
  const only = (what: Difference['what'], row: Row): Difference => {
    return { table: table.name, what, row: pick(row, identity), changes: null }
  }
  for (const [key, rows] of inA) {
    const others = inB.get(key) ?? []
    for (const [index, row] of rows.entries()) {
      const other = others[index]
      if (other === undefined) yield only('only in A', row)
      else {
        const changes = changesOf(row, other, compared)
        if (changes !== null) yield { table: table.name, what: 'changed', row: pick(row, identity), changes }
      }
    }
  }
  for (const [key, rows] of inB) {
    for (const row of rows.slice(inA.get(key)?.length ?? 0)) yield only('only in B', row)
  }
}
