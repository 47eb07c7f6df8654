/** Rows as the native core returns them: packed columns, read in place. */

import type { NativeBatch, NativeColumn } from './native.js'
import type { Children, ChildrenOf, Nested, None, Selects, ValueOfSelect } from './query.js'

/** A value of a column. Null: it could not be read, or does not exist. */
export type Value = string | number | bigint | Uint8Array | null

/** A byte order mark is a character like any other: a name that starts with one is not the name without it. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** What a walk says that lost its way. */
const BROKEN = new Set(['torn', 'cycle', 'unreadable', 'excluded'])

/** Half of a 64-bit word. */
const HALF = 2 ** 32

/** One column of a batch. */
export class Column {
  readonly #name: string
  readonly #native: NativeColumn
  /** The words in halves, low then high: numbers are made without a bigint on the way. */
  readonly #halves: Uint32Array | null
  readonly #signed: boolean
  /** All of a text column's text, where each byte is a character and rows can be cut out of it. */
  #ascii: string | null | undefined

  constructor(name: string, native: NativeColumn) {
    this.#name = name
    this.#native = native
    const values = native.unsigned ?? native.signed
    this.#halves = values ? new Uint32Array(values.buffer, values.byteOffset, values.length * 2) : null
    this.#signed = native.signed !== undefined
  }

  #isNull(row: number): boolean {
    return ((this.#native.nulls[row >> 3] ?? 0) & (1 << (row & 7))) !== 0
  }

  /** The value as an integer of any size. Throws if the column holds no numbers. */
  bigint(row: number): bigint | null {
    const values = this.#native.unsigned ?? this.#native.signed
    if (values === undefined) throw this.#noNumbers()
    return this.#isNull(row) ? null : (values[row] ?? null)
  }

  /** The value as a number; one beyond 2^53 loses digits. Throws if the column holds none. */
  number(row: number): number | null {
    const halves = this.#halves
    if (halves === null) throw this.#noNumbers()
    const low = halves[row * 2]
    const high = halves[row * 2 + 1]
    if (low === undefined || high === undefined || this.#isNull(row)) return null
    return (this.#signed ? high | 0 : high) * HALF + low
  }

  /** The value as text. Throws if the column holds none. */
  text(row: number): string | null {
    const { kind, bytes, offsets } = this.#native
    if (bytes === undefined || offsets === undefined) throw this.#holds('numbers, not text', '.number() or .bigint()')
    if (kind !== 'text') throw this.#holds('bytes, not text', '.bytes()')
    if (this.#isNull(row)) return null
    const [from, to] = [offsets[row], offsets[row + 1]]
    if (this.#ascii === undefined) {
      const whole = decoder.decode(bytes)
      this.#ascii = whole.length === bytes.length ? whole : null
    }
    return this.#ascii?.slice(from, to) ?? decoder.decode(bytes.subarray(from, to))
  }

  /** The bytes, which are those of the batch: whoever writes to them copies them first. Throws if the column holds none. */
  bytes(row: number): Uint8Array | null {
    const { kind, bytes, offsets } = this.#native
    if (kind === 'text') throw this.#holds('text, not bytes', '.text()')
    if (bytes === undefined || offsets === undefined) throw this.#holds('numbers, not bytes', '.number() or .bigint()')
    return this.#isNull(row) ? null : bytes.subarray(offsets[row], offsets[row + 1])
  }

  #noNumbers(): Error {
    const { kind } = this.#native
    return this.#holds(`${kind}, not numbers`, `.${kind}()`)
  }

  /** Null would say that the value could not be read. */
  #holds(what: string, reader: string): Error {
    return new TypeError(`the column '${this.#name}' holds ${what}: read it with ${reader}`)
  }

  /** The value as it prints: a number where it is exact, else a bigint. */
  get(row: number): Value {
    if (this.#native.kind === 'text') return this.text(row)
    if (this.#native.kind === 'bytes') return this.bytes(row)
    return this.exact(row)
  }

  /** The value as a number where that is exact, else as a bigint. Throws if the column holds no numbers. */
  exact(row: number): number | bigint | null {
    const value = this.number(row)
    return value === null || Number.isSafeInteger(value) ? value : this.bigint(row)
  }
}

/** A row with the address of its object beside the selected columns. */
export type BatchRow<S> = { address: bigint } & { [K in keyof S]: ValueOfSelect<S[K]> }

/** The rows of one walk, with the columns that were selected and the rows of its nested walks. */
export class Batch<S extends Selects = Selects, C extends Children = None> {
  readonly length: number
  /** Address of the object behind each row. */
  readonly addresses: BigUint64Array
  /** Index of each row's parent in the batch around this one. */
  readonly parents: Uint32Array
  /** How often the walk lost its way; there may be more than it found. */
  readonly breaks: number
  readonly #columns: Map<string, Column>
  readonly #children: Map<string, Batch>
  readonly #lost: ReadonlySet<string>
  readonly #absent: ReadonlySet<string>

  constructor(native: NativeBatch, shape: Pick<Nested, 'select' | 'children'>) {
    this.length = native.length
    this.addresses = native.addresses
    this.parents = native.parents
    const broken = native.warnings.filter(({ code, column }) => column === undefined && BROKEN.has(code))
    this.breaks = broken.reduce((sum, { count }) => sum + count, 0)
    const warned = (absent: boolean) =>
      new Set(native.warnings.flatMap(({ code, column }) => ((code === 'absent') === absent ? (column ?? []) : [])))
    this.#lost = warned(false)
    this.#absent = warned(true)
    const names = Object.keys(shape.select)
    this.#columns = new Map(
      native.columns.map((column, index) => {
        const name = names[index] ?? ''
        return [name, new Column(name, column)] as const
      }),
    )
    const nested = Object.entries(shape.children ?? {})
    this.#children = new Map(
      nested.flatMap(([name, child], index) => {
        const batch = native.children[index]
        return batch ? [[name, new Batch(batch, child)] as const] : []
      }),
    )
  }

  /** A column by its name in the query. */
  column(name: keyof S & string): Column {
    const column = this.#columns.get(name)
    if (!column) throw new Error(`the query selects no column '${name}'`)
    return column
  }

  /** Whether this kernel has no member that a column is read from. */
  absent(name: keyof S & string): boolean {
    return this.#absent.has(name)
  }

  /** Whether nulls of a column are values that could not be read; else there was nothing to read, or it is absent. */
  lost(name: keyof S & string): boolean {
    return this.#lost.has(name)
  }

  /** A nested walk's rows by its name in the query. */
  child<N extends keyof C & string>(name: N): Batch<C[N]['select'], ChildrenOf<C[N]>> {
    const child = this.#children.get(name)
    if (!child) throw new Error(`the query has no nested walk '${name}'`)
    return child as Batch<C[N]['select'], ChildrenOf<C[N]>>
  }

  /** The address of a row's object. */
  address(row: number): bigint {
    return this.addresses[row] ?? 0n
  }

  /** Whether the walk came to its end as it should not. */
  get torn(): boolean {
    return this.breaks > 0
  }

  /** Row numbers grouped by parent row. */
  byParent(): Map<number, number[]> {
    const groups = new Map<number, number[]>()
    this.parents.forEach((parent, row) => {
      const group = groups.get(parent)
      if (group) group.push(row)
      else groups.set(parent, [row])
    })
    return groups
  }

  /** One object per row, with the object's `address` beside the selected columns. */
  *rows(): Generator<BatchRow<S>> {
    for (let row = 0; row < this.length; row++) {
      const value: Record<string, Value> = { address: this.address(row) }
      for (const [name, column] of this.#columns) value[name] = column.get(row)
      yield value as BatchRow<S>
    }
  }

  [Symbol.iterator](): Generator<BatchRow<S>> {
    return this.rows()
  }
}
