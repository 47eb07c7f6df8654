import type { Artifact } from '../api/artifacts.js'
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
  artifact: 'a file as close() gives it',
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

function isArtifact(value: unknown): boolean {
  const { file, bytes, sha256 } = value as Partial<Artifact>
  return isText(file) && isInteger(bytes) && /^[0-9a-f]{64}$/.test(String(sha256))
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
  artifact: isArtifact,
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
  /** Names, and what their values have to be: each row passes through here, most of them once in a run that is short. */
  private readonly names: readonly string[]
  private readonly tests: readonly ((value: unknown) => boolean)[]

  constructor(columns: Columns) {
    this.columns = new Map(Object.entries(columns))
    this.names = [...this.columns.keys()]
    this.tests = [...this.columns.values()].map(({ type }) => CHECKS[type])
  }

  /**
   * Hands out the row's values in the order of the columns, or throws: one is neither null nor of its column's type, or
   * stands in no column that was declared.
   */
  row(row: unknown, take: (index: number, value: Value) => void = () => {}): void {
    if (typeof row !== 'object' || row === null) {
      throw new SalvorError('INTERNAL', `yielded ${String(row)}, which is not a row`)
    }
    const { names, tests } = this
    const values = row as Readonly<Record<string, Value | undefined>>
    let undeclared = Object.keys(row).length
    for (let index = 0; index < names.length; index++) {
      const name = names[index] ?? ''
      const value = values[name]
      if (value !== undefined) undeclared--
      if (value !== undefined && value !== null && tests[index]?.(value) === false) this.refuse(name, value)
      take(index, value ?? null)
    }
    if (undeclared > 0) this.refuseUndeclared(row)
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
      const fits = CHECKS[column.type]
      for (let row = 0; row < checked; row++) {
        const value = values[row]
        if (value !== null && value !== undefined && !fits(value)) this.refuse(name, value)
      }
    }
  }

  private refuse(name: string, value: unknown): never {
    const type = this.columns.get(name)?.type ?? 'record'
    throw columnError(name, `was given ${shown(value)}, and it is declared to hold ${WORDS[type]}`)
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

/** A defect of the analyzer. */
function columnError(name: string, message: string): SalvorError {
  return new SalvorError('INTERNAL', `the column ${name} ${message}`)
}

function isFloating(values: unknown): boolean {
  return values instanceof Float64Array || values instanceof Float32Array
}
