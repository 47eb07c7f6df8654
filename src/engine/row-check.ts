import type { Column, Columns, ColumnType, Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { SalvorError } from './errors.js'
import { closest } from './suggest.js'

const WORDS: Readonly<Record<ColumnType, string>> = {
  text: 'a text',
  integer: 'an integer',
  count: 'an integer',
  bytes: 'an integer',
  address: 'an integer',
  time: 'a time as text',
  flag: 'true or false',
  list: 'a list of texts',
  record: 'an object or another JSON value',
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isInteger(value: unknown): boolean {
  return typeof value === 'bigint' || Number.isInteger(value)
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText)
}

const CHECKS: Readonly<Record<ColumnType, (value: unknown) => boolean>> = {
  text: isText,
  integer: isInteger,
  count: isInteger,
  bytes: isInteger,
  address: isInteger,
  time: isText,
  flag: (value) => typeof value === 'boolean',
  list: isTexts,
  record: (value) => typeof value !== 'function' && typeof value !== 'symbol',
}

const MOST_SHOWN = 60

/** A value in a message: recognizable and short. */
function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function' || typeof value === 'symbol') return typeof value
  const words = typeof value === 'object' ? JSON.stringify(value, replaceBigint) : JSON.stringify(value)
  const text = words ?? String(value)
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text
}

function replaceBigint(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}

/** Every row of a kernel query has its object's address, whether or not the table shows it. */
const OBJECT_ADDRESS = 'address'

/** Holds rows to what their analyzer declares; the error names the column, and whoever shows it names the analyzer. */
export class RowCheck {
  private readonly columns: ReadonlyMap<string, Column>

  constructor(columns: Columns) {
    this.columns = new Map(Object.entries(columns))
  }

  /** The row, or an error: a value is neither null nor of its column's type, or stands in no column that was declared. */
  row(row: unknown): Readonly<Record<string, Value | undefined>> {
    if (typeof row !== 'object' || row === null) {
      throw new SalvorError('INTERNAL', `yielded ${String(row)}, which is not a row`)
    }
    this.refuseUndeclared(row)
    const values = row as Readonly<Record<string, Value | undefined>>
    for (const [name, column] of this.columns) check(name, column, values[name])
    return values
  }

  /** The same for a packed batch; an array of 64-bit words or of small integers is judged as a whole. */
  batch(batch: Batch): void {
    this.refuseUndeclared(batch.columns)
    for (const [name, column] of this.columns) {
      const values = batch.columns[name]
      if (values === undefined) continue
      if (values.length !== batch.length) {
        throw columnError(name, `was given ${values.length} values in a batch of ${batch.length} rows`)
      }
      const checked = ArrayBuffer.isView(values) && !isFloating(values) ? Math.min(1, batch.length) : batch.length
      for (let row = 0; row < checked; row++) check(name, column, values[row])
    }
  }

  /** A value that no column shows would be lost without a word. */
  private refuseUndeclared(named: object): void {
    for (const name in named) {
      if (this.columns.has(name) || name === OBJECT_ADDRESS) continue
      const near = closest(name, [...this.columns.keys()])
      throw columnError(name, `is not declared${near === undefined ? '' : `; did you mean ${near}?`}`)
    }
  }
}

function check(name: string, { type }: Column, value: unknown): void {
  if (value !== null && value !== undefined && !CHECKS[type](value)) {
    throw columnError(name, `was given ${shown(value)}, and it is declared to hold ${WORDS[type]}`)
  }
}

/** A defect of the analyzer. */
function columnError(name: string, message: string): SalvorError {
  return new SalvorError('INTERNAL', `the column ${name} ${message}`)
}

function isFloating(values: unknown): boolean {
  return values instanceof Float64Array || values instanceof Float32Array
}
