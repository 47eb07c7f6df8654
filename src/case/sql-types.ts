/** How a table's columns are kept in a case: in one place for the store, for what a child hands over and for Parquet. */

import type { Column, Columns, ColumnType } from '../api/columns.js'

/** The two columns that every table of a case begins with. No analyzer's column is called so. */
export const IMAGE_ID = 'image_id'
export const IMAGE_ROW = 'image_row'

interface Form {
  /** The type of the column. */
  readonly sql: string
  /** The type in which JSON is read, and how the column's own is made of that. */
  readonly read: string
  readonly from?: (name: string) => string
  /** What Parquet is given, where it has no type like the column's own. */
  readonly parquet?: string
}

const text: Form = { sql: 'VARCHAR', read: 'VARCHAR' }
const json: Form = { sql: 'JSON', read: 'JSON' }
/** Signed and unsigned 64-bit numbers stand in one column; Parquet would make a floating number of a HUGEINT. */
const number: Form = { sql: 'HUGEINT', read: 'HUGEINT', parquet: 'DECIMAL(20, 0)' }

const forms: Readonly<Record<ColumnType, Form>> = {
  text,
  integer: number,
  count: number,
  bytes: number,
  address: { sql: 'UBIGINT', read: 'UBIGINT' },
  // Handed over in microseconds, for the text of a year beyond 9999 is not read alike everywhere.
  time: { sql: 'TIMESTAMP', read: 'BIGINT', from: (name) => `make_timestamp(${name})` },
  flag: { sql: 'BOOLEAN', read: 'BOOLEAN' },
  list: { sql: 'VARCHAR[]', read: 'VARCHAR[]' },
  record: json,
  artifact: json,
}

/** A name between quotes. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text as SQL has it. */
export function literal(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

/** One row of an INSERT. */
export function valuesOf(...values: readonly (string | number | null | undefined)[]): string {
  const list = values.map((value) => (typeof value === 'string' ? literal(value) : String(value ?? 'NULL')))
  return `(${list.join(', ')})`
}

/** An analyzer's name as a table is called: without dashes it needs no quotes. */
export function tableName(analyzer: string): string {
  return analyzer.replaceAll('-', '_')
}

/** An analyzer's column as a table of a case calls it. */
export function columnName(name: string): string {
  return name === IMAGE_ID || name === IMAGE_ROW ? `${name}_` : name
}

export function sqlType({ type }: Pick<Column, 'type'>): string {
  return forms[type].sql
}

/** What stands between the parentheses of CREATE TABLE. */
export function columnDefinitions(columns: Columns): string {
  const own = Object.entries(columns).map(([name, column]) => `${quoted(columnName(name))} ${sqlType(column)}`)
  return [`${IMAGE_ID} VARCHAR NOT NULL`, `${IMAGE_ROW} BIGINT NOT NULL`, ...own].join(', ')
}

/** A query over the file that a child made of one table: its columns in the order in which they are declared. */
export function readRows(path: string, evidence: string, columns: Columns): string {
  const entries = Object.entries(columns)
  const read = entries.map(([name, { type }]) => `${literal(name)}: ${literal(forms[type].read)}`)
  const selected = entries.map(([name, { type }]) => (forms[type].from ?? String)(quoted(name)))
  const names = [`${literal(ROW_KEY)}: 'BIGINT'`, ...read].join(', ')
  const options = `format = 'newline_delimited', columns = {${names}}, maximum_object_size = ${MOST_ROW_BYTES}`
  const list = [literal(evidence), quoted(ROW_KEY), ...selected].join(', ')
  return `SELECT ${list} FROM read_json(${literal(path)}, ${options})`
}

/** A row's number in the file of its table. No column is called so. */
export const ROW_KEY = '#'

/** A row that takes more than this is left out, with a warning. */
export const MOST_ROW_BYTES = 4 << 20

/** The columns of a table for Parquet. */
export function parquetColumns(columns: Columns): string {
  const own = Object.entries(columns).map(([name, { type }]) => {
    const { parquet } = forms[type]
    const column = quoted(columnName(name))
    return parquet === undefined ? column : `${column}::${parquet} AS ${column}`
  })
  return [IMAGE_ID, IMAGE_ROW, ...own].join(', ')
}
