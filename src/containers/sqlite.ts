/**
 * Tables of an SQLite database of which the page cache may hold a part (sqlite.org/fileformat2.html): pages that are not
 * there are zeros, and cost the rows that they hold.
 */

const MAGIC = 'SQLite format 3\0'
const HEADER = 100
/** Kinds of pages of a table's tree. */
const [INTERIOR, LEAF] = [5, 13]
/** Pages, rows and bytes of a row that are looked at: engines have far fewer. */
const [MOST_PAGES, MOST_ROWS, LONGEST_ROW] = [1 << 16, 100_000, 8 << 20]

export type SqliteValue = string | number | null

/** The values of each row of a table, in the order of its columns; null where the file is no database or has no such table. */
export function readSqliteTable(file: Uint8Array, table: string): SqliteValue[][] | null {
  const database = Database.of(file)
  const entry = database?.rows(1).find(([type, name]) => type === 'table' && name === table)
  const root = entry?.[3]
  return database === null || typeof root !== 'number' ? null : database.rows(root)
}

class Database {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #page: number
  /** Bytes of a page that are not kept free. */
  readonly #usable: number
  /** Bytes of rows that are still read: cells that lie may all lead to the same long one. */
  #budget: number

  private constructor(bytes: Uint8Array, page: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#page = page
    this.#usable = page - (bytes[20] ?? 0)
    this.#budget = 2 * bytes.length
  }

  static of(bytes: Uint8Array): Database | null {
    if (bytes.length < HEADER || new TextDecoder('latin1').decode(bytes.subarray(0, 16)) !== MAGIC) return null
    const told = ((bytes[16] ?? 0) << 8) | (bytes[17] ?? 0)
    const page = told === 1 ? 65_536 : told
    return page < 512 || (page & (page - 1)) !== 0 || page - (bytes[20] ?? 0) < 480 ? null : new Database(bytes, page)
  }

  /** All rows of the tree whose root is a page. */
  rows(root: number): SqliteValue[][] {
    const rows: SqliteValue[][] = []
    const [seen, ahead] = [new Set<number>(), [root]]
    for (let page = ahead.pop(); page !== undefined && rows.length < MOST_ROWS; page = ahead.pop()) {
      if (seen.has(page) || seen.size >= MOST_PAGES || page < 1 || page * this.#page > this.#bytes.length) continue
      seen.add(page)
      const { kind, head, cells } = this.#cellsOf(page)
      if (kind === INTERIOR) {
        const below = [...cells.map((at) => this.#view.getUint32(at)), this.#view.getUint32(head + 8)]
        // The first one is looked at next: rows come in their order.
        if (ahead.length < MOST_PAGES) ahead.push(...below.filter((next) => !seen.has(next)).reverse())
      } else if (kind === LEAF) {
        rows.push(...cells.flatMap((at) => this.#row(at, page * this.#page)))
      }
    }
    return rows
  }

  /** What kind of page it is, where its own header lies, and where its cells do. */
  #cellsOf(page: number): { kind: number | undefined; head: number; cells: number[] } {
    const [start, end] = [(page - 1) * this.#page, page * this.#page]
    // The first page begins with the header of the file.
    const head = page === 1 ? start + HEADER : start
    const kind = this.#bytes[head]
    const first = head + (kind === INTERIOR ? 12 : 8)
    const count = Math.min(this.#view.getUint16(head + 3), Math.floor((end - first) / 2))
    const cells = Array.from({ length: count }, (_, cell) => start + this.#view.getUint16(first + cell * 2))
    return { kind, head, cells: cells.filter((at) => at + 4 <= end) }
  }

  #row(at: number, end: number): SqliteValue[][] {
    const payload = this.#payload(at, end)
    const row = payload === null ? null : valuesOf(payload)
    return row === null ? [] : [row]
  }

  /** What a cell of a leaf holds: a part is in the page, the rest in a chain of others. */
  #payload(at: number, end: number): Uint8Array | null {
    const length = varint(this.#bytes, at)
    const row = length === null ? null : varint(this.#bytes, length.end)
    if (length === null || row === null || length.value > Math.min(LONGEST_ROW, this.#budget)) return null
    this.#budget -= length.value
    const most = this.#usable - 35
    const least = Math.floor(((this.#usable - 12) * 32) / 255) - 23
    const over = least + ((length.value - least) % (this.#usable - 4))
    const local = length.value <= most ? length.value : over <= most ? over : least
    if (row.end + local > end) return null
    if (local === length.value) return this.#bytes.subarray(row.end, row.end + local)
    const whole = new Uint8Array(length.value)
    whole.set(this.#bytes.subarray(row.end, row.end + local))
    let next = row.end + local + 4 > end ? 0 : this.#view.getUint32(row.end + local)
    for (let filled = local; filled < whole.length; ) {
      const start = (next - 1) * this.#page
      if (next < 1 || start + this.#page > this.#bytes.length) return null
      const part = this.#bytes.subarray(start + 4, start + 4 + Math.min(this.#usable - 4, whole.length - filled))
      whole.set(part, filled)
      filled += part.length
      next = this.#view.getUint32(start)
    }
    return whole
  }
}

/** A record: the kinds of its values, and the values. Texts and blobs are both text to whoever keeps JSON in one. */
function valuesOf(payload: Uint8Array): SqliteValue[] | null {
  const head = varint(payload, 0)
  if (head === null || head.value > payload.length) return null
  const values: SqliteValue[] = []
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  let [at, from] = [head.end, head.value]
  while (at < head.value) {
    const kind = varint(payload, at)
    if (kind === null) return null
    const length = lengthOf(kind.value)
    if (length === null || from + length > payload.length) return null
    values.push(decoded(kind.value, view, from, length))
    from += length
    at = kind.end
  }
  return values
}

/** Bytes of a value by its kind: 1 to 6 are integers of these, 7 a number, 8 and 9 are 0 and 1 themselves. */
function lengthOf(kind: number): number | null {
  if (kind >= 12) return Math.floor((kind - 12) / 2)
  return [0, 1, 2, 3, 4, 6, 8, 8, 0, 0][kind] ?? null
}

function decoded(kind: number, view: DataView, from: number, length: number): SqliteValue {
  if (kind === 0) return null
  if (kind >= 12) return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + from, length))
  if (kind === 7) return view.getFloat64(from)
  if (kind >= 8) return kind - 8
  let value = length === 0 ? 0n : BigInt(view.getInt8(from))
  for (let byte = 1; byte < length; byte++) value = value * 256n + BigInt(view.getUint8(from + byte))
  return Number(value)
}

/** Seven bits a byte, the highest first; of nine bytes the last has eight. */
function varint(bytes: Uint8Array, from: number): { value: number; end: number } | null {
  let value = 0
  for (let at = 0; at < 9; at++) {
    const byte = bytes[from + at]
    if (byte === undefined) return null
    value = at === 8 ? value * 256 + byte : value * 128 + (byte & 0x7f)
    if (at === 8 || byte < 0x80) return { value, end: from + at + 1 }
  }
  return null
}
