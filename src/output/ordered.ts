import type { Batch } from '../api/table.js'
import type { TableSink } from '../engine/engine.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import type { TableOutcome } from '../engine/status.js'
import type { TableHead } from './format.js'
import type { Selection } from './selection.js'
import type { Writer } from './writer.js'

/** One table of one image on its way to the output. */
export interface OrderedTable {
  readonly head: TableHead
  readonly selection: Selection
  /** Whether the names of containers are to be seen beside their ids. */
  readonly named?: boolean
}

interface Pending extends OrderedTable {
  head: TableHead
  readonly batches: Batch[]
  started: boolean
  outcome?: TableOutcome
}

export interface OrderedOptions {
  /** A table that failed before its first row is written only beside others. */
  readonly several: boolean
  /** A line for the user beside the output. */
  readonly note: (line: string) => void
  /** Names of containers by id, which the tables wait for. */
  readonly names?: Promise<ReadonlyMap<string, string>>
  /**
   * Hears that the output failed. No analyzer does: it would take it for a failure of its own. Nothing more is written
   * then, and whoever asks for room has it.
   */
  readonly fail: (error: unknown) => void
}

/**
 * Writes one image's tables in the order asked for, however they come in: the first unfinished one is streamed,
 * later ones wait as columns.
 */
export class OrderedTables implements TableSink {
  private readonly pending: Pending[]
  private tail: Promise<void>
  /** Unknown until they have been looked up. */
  private names: ReadonlyMap<string, string> | undefined
  private broken = false
  /** Whether a limit of the output was hit: then something is not as it was asked for. */
  capped = false

  constructor(
    private readonly writer: Writer,
    tables: readonly OrderedTable[],
    private readonly options: OrderedOptions,
  ) {
    this.pending = tables.map((table) => ({ ...table, batches: [], started: false }))
    this.tail = Promise.resolve(options.names).then((names = new Map()) => {
      this.names = names
    })
    void this.drain()
  }

  async rows(analyzer: KnownAnalyzer, batch: Batch): Promise<void> {
    const table = this.broken ? undefined : this.find(analyzer)
    table?.batches.push(batch)
    // Nobody waits here for names: the worker that stands still meanwhile may be the one that is to find them.
    if (table !== undefined && table === this.pending[0] && this.names !== undefined) await this.drain()
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
        this.options.fail(error)
      })
    return this.tail
  }

  private async writeReady(): Promise<void> {
    if (this.broken) return
    for (let table = this.pending[0]; table !== undefined; table = this.pending[0]) {
      for (let batch = table.batches.shift(); batch !== undefined; batch = table.batches.shift()) {
        await this.writeRows(table, table.selection.take(batch))
      }
      if (table.outcome === undefined) return
      await this.writeEnd(table, table.outcome)
      this.pending.shift()
    }
  }

  private async writeRows(table: Pending, batches: readonly Batch[]): Promise<void> {
    for (const batch of batches) {
      await this.begin(table)
      await this.writer.rows(table.head, batch)
    }
  }

  private async begin(table: Pending): Promise<void> {
    if (table.started) return
    table.started = true
    if (table.named && this.names !== undefined) table.head = { ...table.head, names: this.names }
    await this.writer.start(table.head)
  }

  private async writeEnd(table: Pending, { failed, rows, warnings }: TableOutcome): Promise<void> {
    if (failed?.code === 'INTERRUPTED') return
    if (failed !== undefined && rows === 0 && !this.options.several) return
    await this.writeRows(table, table.selection.end())
    await this.begin(table)
    const failure = failed === undefined ? [] : [{ code: 'failed', message: failed.message }]
    const caps = table.selection.warnings()
    if (caps.length > 0) this.capped = true
    await this.writer.end(table.head, [...warnings, ...caps, ...failure])
    for (const { message } of caps) this.options.note(`${table.head.table}: ${message}`)
    const note = table.selection.note()
    if (note !== undefined) this.options.note(`${table.head.table}: ${note}`)
  }
}
