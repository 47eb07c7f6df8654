import type { Columns, Value } from '../api/columns.js'
import { type Batch, Rows } from '../api/table.js'
import { RowCheck } from './row-check.js'

/** Rows that go to the host in one message. */
const BATCH_ROWS = 2048
/** Batches on the way that the host has not yet made room for. */
const MAX_OUTSTANDING = 2

type Send = (batch: Batch) => Promise<void>

/**
 * Packs an analyzer's rows into column batches and sends them, never further ahead than the host allows. A row that is
 * not what the analyzer declares is its defect, and an error that names the column.
 */
export class RowBuffer {
  private readonly names: readonly string[]
  private readonly check: RowCheck
  /** Values by column, in the order of the names. */
  private columns: Value[][] = []
  private length = 0
  private readonly outstanding: Promise<void>[] = []

  constructor(
    columns: Columns,
    private readonly send: Send,
  ) {
    this.names = Object.keys(columns)
    this.check = new RowCheck(columns)
    this.clear()
  }

  /** Takes what an analyzer yielded: one row, several, or a packed batch. */
  async add(yielded: unknown): Promise<void> {
    if (yielded instanceof Rows || isBatch(yielded)) return this.addBatch(yielded)
    for (const row of Array.isArray(yielded) ? yielded : [yielded]) {
      this.check.row(row, this.take)
      if (++this.length >= BATCH_ROWS) await this.flush()
    }
  }

  /** Sends what is left and waits until the host has taken everything. */
  async end(): Promise<void> {
    await this.flush()
    await Promise.all(this.outstanding)
  }

  private readonly take = (index: number, value: Value): void => {
    this.columns[index]?.push(value)
  }

  private async addBatch(batch: Batch): Promise<void> {
    await this.flush()
    this.check.batch(batch)
    const columns: Record<string, ArrayLike<Value>> = {}
    for (const name of this.names) columns[name] = batch.columns[name] ?? new Array<Value>(batch.length).fill(null)
    await this.post({ length: batch.length, columns })
  }

  private async flush(): Promise<void> {
    if (this.length === 0) return
    // Of a row that was refused halfway the first columns have a value.
    for (const values of this.columns) values.length = this.length
    const columns = Object.fromEntries(this.names.map((name, index) => [name, this.columns[index] ?? []]))
    const batch = { length: this.length, columns }
    this.clear()
    await this.post(batch)
  }

  private async post(batch: Batch): Promise<void> {
    if (this.outstanding.length >= MAX_OUTSTANDING) await this.outstanding.shift()
    this.outstanding.push(this.send(batch))
  }

  private clear(): void {
    this.columns = this.names.map(() => [])
    this.length = 0
  }
}

/** A user's plugin may have loaded another copy of the class. */
function isBatch(value: unknown): value is Batch {
  const batch = value as Partial<Batch> | null
  return (
    typeof batch === 'object' &&
    batch !== null &&
    batch.constructor?.name === 'Rows' &&
    typeof batch.length === 'number' &&
    typeof batch.columns === 'object'
  )
}
