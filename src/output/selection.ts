import type { Column, Columns, Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import type { Warning } from '../warning.js'
import type { RowFilter } from './filter.js'
import { jsonCell } from './values.js'

/** A column to order rows by. */
export interface SortKey {
  readonly column: string
  readonly descending: boolean
}

export interface SelectionOptions {
  readonly filter: RowFilter
  readonly sort: readonly SortKey[]
  readonly limit?: number
}

/** Rows that are put in order at most: all of them have to be in memory for it. */
export const MOST_SORTED = 1_000_000

function ascending(left: NonNullable<Value>, right: NonNullable<Value>): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** What a value is ordered by: numbers by size, everything else by its text. */
function keyOf(column: Column, value: Value): Value {
  const nested = value !== null && (column.type === 'list' || column.type === 'record')
  return nested ? JSON.stringify(jsonCell(column, value)) : value
}

/** Values that are not known come last whatever the direction. */
function compare(left: Value, right: Value, descending: boolean): number {
  if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1
  return descending ? ascending(right, left) : ascending(left, right)
}

/** Which rows of one table are written, and in which order. */
export class Selection {
  private seen = 0
  private matched = 0
  private written = 0
  private waiting: Batch[] | undefined

  constructor(
    private readonly columns: Columns,
    private readonly options: SelectionOptions,
    private readonly mostSorted = MOST_SORTED,
  ) {
    this.waiting = options.sort.length === 0 ? undefined : []
  }

  /** What is written of a batch now. */
  take(batch: Batch): Batch[] {
    const kept = this.options.filter.keep(batch)
    this.seen += batch.length
    this.matched += kept.length
    if (this.waiting === undefined) return [this.cut(kept)]
    this.waiting.push(kept)
    return this.matched > this.mostSorted ? this.release() : []
  }

  /** What is written after the last batch. */
  end(): Batch[] {
    if (this.waiting === undefined) return []
    const sorted = this.sorted(this.waiting)
    this.waiting = undefined
    return [sorted]
  }

  /** That the order is not the one asked for. */
  warnings(): Warning[] {
    if (this.options.sort.length === 0 || this.matched <= this.mostSorted) return []
    return [{ code: 'cap', message: `more than ${this.mostSorted} rows are not put in order` }]
  }

  /** What is not written although it is there. */
  note(): string | undefined {
    const { asked } = this.options.filter
    if (this.matched === 0 && asked !== undefined) return `0 of ${this.seen} rows match ${asked}`
    return this.written < this.matched ? `${this.written} of ${this.matched} rows (--limit)` : undefined
  }

  /** Gives up sorting, so that no row is lost. */
  private release(): Batch[] {
    const batches = this.waiting ?? []
    this.waiting = undefined
    return batches.map((batch) => this.cut(batch))
  }

  private cut(batch: Batch): Batch {
    const left = (this.options.limit ?? Number.POSITIVE_INFINITY) - this.written
    const length = Math.min(batch.length, left)
    this.written += length
    // Columns may be longer than their batch: every format counts by its length.
    return length === batch.length ? batch : { length, columns: batch.columns }
  }

  private sorted(batches: readonly Batch[]): Batch {
    const at = batches.flatMap((batch) => Array.from({ length: batch.length }, (_, row) => ({ batch, row })))
    const value = ({ batch, row }: (typeof at)[number], name: string): Value => batch.columns[name]?.[row] ?? null
    // Each row's key is made once, and not at each of its comparisons.
    const keys = this.options.sort.flatMap(({ column, descending }) => {
      const declared = this.columns[column]
      return declared === undefined ? [] : { descending, of: at.map((row) => keyOf(declared, value(row, column))) }
    })
    const order = [...at.keys()].sort((left, right) => {
      for (const { of, descending } of keys) {
        const found = compare(of[left] ?? null, of[right] ?? null, descending)
        if (found !== 0) return found
      }
      return 0
    })
    const { length } = this.cut({ length: at.length, columns: {} })
    const chosen = order.slice(0, length).flatMap((index) => at[index] ?? [])
    const columns = Object.keys(this.columns).map((name) => [name, chosen.map((row) => value(row, name))])
    return { length, columns: Object.fromEntries(columns) }
  }
}
