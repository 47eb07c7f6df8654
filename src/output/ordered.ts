import type { Batch } from '../api/table.js'
import type { TableSink } from '../engine/engine.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import type { TableOutcome } from '../engine/status.js'
import type { RowFilter } from './filter.js'
import type { TableHead } from './format.js'
import type { Writer } from './writer.js'

interface Pending {
  readonly head: TableHead
  readonly filter: RowFilter
  readonly batches: Batch[]
  started: boolean
  outcome?: TableOutcome
}

/**
 * Writes one image's tables in the order asked for, however they come in: the first unfinished one is streamed,
 * later ones wait as columns.
 */
export class OrderedTables implements TableSink {
  private readonly pending: Pending[]
  private tail: Promise<void> = Promise.resolve()
  private broken = false

  constructor(
    private readonly writer: Writer,
    tables: readonly { readonly head: TableHead; readonly filter: RowFilter }[],
    /** A table that failed before its first row is written only beside others. */
    private readonly several: boolean,
    /**
     * Hears that the output failed. No analyzer does: it would take it for a failure of its own. Nothing more is written
     * then, and whoever asks for room has it.
     */
    private readonly fail: (error: unknown) => void,
  ) {
    this.pending = tables.map((table) => ({ ...table, batches: [], started: false }))
  }

  async rows(analyzer: KnownAnalyzer, batch: Batch): Promise<void> {
    const table = this.broken ? undefined : this.find(analyzer)
    table?.batches.push(batch)
    if (table !== undefined && table === this.pending[0]) await this.drain()
  }

  async end(analyzer: KnownAnalyzer, outcome: TableOutcome): Promise<void> {
    const table = this.find(analyzer)
    if (table !== undefined) table.outcome = outcome
    await this.drain()
  }

  private find({ name }: KnownAnalyzer): Pending | undefined {
    return this.pending.find(({ head }) => head.table === name)
  }

  /** One at a time: writes are asynchronous, and tables must not mix. */
  private drain(): Promise<void> {
    this.tail = this.tail
      .then(() => this.writeReady())
      .catch((error: unknown) => {
        this.broken = true
        this.fail(error)
      })
    return this.tail
  }

  private async writeReady(): Promise<void> {
    if (this.broken) return
    for (let table = this.pending[0]; table !== undefined; table = this.pending[0]) {
      await this.writeRows(table)
      if (table.outcome === undefined) return
      await this.writeEnd(table, table.outcome)
      this.pending.shift()
    }
  }

  private async writeRows(table: Pending): Promise<void> {
    for (let batch = table.batches.shift(); batch !== undefined; batch = table.batches.shift()) {
      await this.begin(table)
      await this.writer.rows(table.head, table.filter(batch))
    }
  }

  private async begin(table: Pending): Promise<void> {
    if (table.started) return
    table.started = true
    await this.writer.start(table.head)
  }

  private async writeEnd(table: Pending, { failed, warnings }: TableOutcome): Promise<void> {
    if (failed?.code === 'INTERRUPTED') return
    if (failed !== undefined && !table.started && !this.several) return
    await this.begin(table)
    const failure = failed === undefined ? [] : [{ code: 'failed', message: failed.message }]
    await this.writer.end(table.head, [...warnings, ...failure])
  }
}
