/** A table as the page reads it: by column, with the text that is shown of each cell. */

import type { Column, Value } from '../../api/columns.js'
import { textCell } from '../../output/values.js'
import { unpackColumn } from './columns.js'
import type { PackedRows, TableHead } from './document.js'

const CONTAINER_ID = /^[0-9a-f]{64}$/
const NO_COLUMN: readonly Value[] = []

export class ReportTable {
  readonly length: number
  private readonly unpacked = new Map<string, readonly Value[]>()
  private readonly indexes = new Map<string, Map<string, number[]>>()

  constructor(
    readonly head: TableHead,
    private readonly packed: PackedRows,
  ) {
    this.length = head.rows
  }

  get name(): string {
    return this.head.name
  }

  /** The numbers of all rows. */
  get rows(): readonly number[] {
    return this.first(this.length)
  }

  /** The numbers of so many rows at most, from the first on. */
  first(most: number): readonly number[] {
    return Array.from({ length: Math.min(this.length, most) }, (_, row) => row)
  }

  has(column: string): boolean {
    return Object.hasOwn(this.head.columns, column)
  }

  /** The values of a column; none where the table does not have it. */
  column(name: string): readonly Value[] {
    let values = this.unpacked.get(name)
    if (values === undefined) {
      const packed = Object.hasOwn(this.packed, name) ? this.packed[name] : undefined
      values = packed === undefined ? NO_COLUMN : unpackColumn(packed)
      this.unpacked.set(name, values)
    }
    return values
  }

  value(row: number, name: string): Value {
    return this.column(name)[row] ?? null
  }

  /** A text of the image as it is, or null where there is none. */
  string(row: number, name: string): string | null {
    const value = this.value(row, name)
    return typeof value === 'string' ? value : null
  }

  number(row: number, name: string): number | null {
    const value = this.value(row, name)
    return typeof value === 'number' ? value : null
  }

  /** A list of texts; empty where there is none. */
  list(row: number, name: string): readonly string[] {
    const value = this.value(row, name)
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
  }

  /** The cell as it is shown: nothing in it can reorder or hide what is beside it. */
  text(row: number, name: string): string {
    const column = this.head.columns[name]
    return column === undefined ? '' : textCell(column, this.value(row, name))
  }

  /** The same for a table on the screen: of an id of a container the digits that tell it from others, as on a terminal. */
  short(row: number, name: string): string {
    const text = this.text(row, name)
    return this.head.columns[name]?.meaning === 'container' && CONTAINER_ID.test(text) ? text.slice(0, 12) : text
  }

  /** Whether the text of a cell passes a test, by row; of a column with few values each is tested once. */
  tester(name: string, test: (text: string) => boolean): (row: number) => boolean {
    const column = this.head.columns[name]
    const packed = Object.hasOwn(this.packed, name) ? this.packed[name] : undefined
    if (column === undefined || packed === undefined) return () => false
    if (!('which' in packed)) return (row) => test(textCell(column, packed[row] ?? null))
    const { distinct, which } = packed
    const known = new Int8Array(distinct.length)
    return (row) => {
      const at = which[row] ?? 0
      if (known[at] === 0) known[at] = test(textCell(column, distinct[at] ?? null)) ? 1 : -1
      return known[at] === 1
    }
  }

  /** Names of the columns with one of these meanings. */
  meaning(...meanings: readonly string[]): string[] {
    return this.columns.flatMap(([name, { meaning }]) => (meanings.includes(meaning ?? '') ? [name] : []))
  }

  get columns(): [string, Column][] {
    return Object.entries(this.head.columns)
  }

  /** Columns that a table for people has; all where it would have none. */
  get mainColumns(): string[] {
    const all = this.columns
    const main = all.filter(([, { detail }]) => detail !== true)
    return (main.length > 0 ? main : all).map(([name]) => name)
  }

  /** Rows by what some columns together hold, as JSON; the index is made once. */
  rowsBy(columns: readonly string[], key: string): readonly number[] {
    const name = JSON.stringify(columns)
    let index = this.indexes.get(name)
    if (index === undefined) {
      index = new Map()
      const values = columns.map((column) => this.column(column))
      for (let row = 0; row < this.length; row++) {
        const found = JSON.stringify(values.map((column) => column[row] ?? null))
        const rows = index.get(found)
        if (rows === undefined) index.set(found, [row])
        else rows.push(row)
      }
      this.indexes.set(name, index)
    }
    return index.get(key) ?? []
  }
}
