import type { Warning } from '../warning.js'
import type { Columns, Row, Value } from './columns.js'

/** The values of one column; typed arrays as the native core hands them over, or plain arrays. */
export type ColumnValues = ArrayLike<Value>

/** Rows packed by column: what crosses threads, so that no object per row does. */
export interface Batch {
  readonly length: number
  readonly columns: Readonly<Record<string, ColumnValues>>
}

/** A batch that an analyzer can yield instead of single rows. */
export class Rows implements Batch {
  constructor(
    readonly length: number,
    readonly columns: Readonly<Record<string, ColumnValues>>,
  ) {}
}

/** What is known of a finished table beside its rows. */
export interface TableFacts {
  /** The columns that together name a row; null where its analyzer has none. */
  readonly key: readonly string[] | null
  /** Why the table is not whole, if it is not. */
  readonly partial: readonly Warning[]
}

/** A finished table, read by column; an analyzer that needs it gets it whole. */
export class Table<C extends Columns = Columns> implements TableFacts {
  readonly key: readonly string[] | null
  readonly partial: readonly Warning[]

  constructor(
    readonly name: string,
    readonly length: number,
    private readonly values: Readonly<Record<string, ColumnValues>>,
    { key = null, partial = [] }: Partial<TableFacts> = {},
  ) {
    this.key = key
    this.partial = partial
  }

  /** The values of a column, in row order. */
  column(name: keyof C & string): ColumnValues {
    const values = Object.hasOwn(this.values, name) ? this.values[name] : undefined
    if (values === undefined) throw new Error(`the table ${this.name} has no column ${name}`)
    return values
  }

  /** The rows as objects, made one at a time. */
  *rows(): Generator<Row<C>> {
    const names = Object.keys(this.values)
    for (let index = 0; index < this.length; index++) {
      const row: Record<string, Value> = {}
      for (const name of names) row[name] = this.values[name]?.[index] ?? null
      yield row as Row<C>
    }
  }
}
