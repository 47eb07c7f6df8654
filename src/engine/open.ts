/** salvor as a library: an opened image, whose tables come as rows, batches or Arrow. */

import type { RecordBatch } from 'apache-arrow'
import type { Columns, Row, Value } from '../api/columns.js'
import type { OptionsData } from '../api/options.js'
import type { Batch } from '../api/table.js'
import type { ImageInfo } from '../kernel/kernel.js'
import type { Warning } from '../warning.js'
import { Engine, type OpenedImage, type Reporter, type TableSink } from './engine.js'
import { fromFailure, SalvorError } from './errors.js'
import { readOptions } from './option-values.js'
import type { KnownAnalyzer, Registry } from './registry.js'

export interface OpenImageOptions {
  /** Where discovered symbols are kept; none are without it. */
  readonly cacheDir?: string
  /** Files and folders of symbols and types, which count before the image's own. */
  readonly symbols?: readonly string[]
  /** Worker threads at most; one for each processor unless told otherwise. */
  readonly threads?: number
  /** Ends everything that goes on with the image. */
  readonly signal?: AbortSignal
}

export interface TableOptions {
  /** The analyzer's own options, by the names under which it declares them. */
  readonly options?: OptionsData
  /** Ends this table. */
  readonly signal?: AbortSignal
  readonly progress?: (task: string, done: number, total: number) => void
}

/** A table that is made while it is read: a reader that waits lets the analyzer wait. */
export class ImageTable<C extends Columns = Columns> implements AsyncIterable<Row<C>> {
  constructor(
    readonly name: string,
    readonly columns: C,
    private readonly make: () => AsyncGenerator<Batch, readonly Warning[]>,
  ) {}

  /** What could not be read; whole once the last row was given. */
  warnings: readonly Warning[] = []

  /** Rows packed by column, as the analyzer gives them. */
  async *batches(): AsyncGenerator<Batch> {
    const made = this.make()
    try {
      for (let next = await made.next(); ; next = await made.next()) {
        if (next.done) {
          this.warnings = next.value
          return
        }
        yield next.value
      }
    } finally {
      await made.return([])
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Row<C>> {
    const names = Object.keys(this.columns)
    for await (const { columns, length } of this.batches()) {
      for (let index = 0; index < length; index++) {
        const row: Record<string, Value> = {}
        for (const name of names) row[name] = columns[name]?.[index] ?? null
        yield row as Row<C>
      }
    }
  }

  /** The same as record batches of Apache Arrow, in types that lose nothing (src/output/arrow.ts). */
  async *arrow(): AsyncGenerator<RecordBatch> {
    // Few need it, and it is large.
    const [library, { recordBatch }] = await Promise.all([import('apache-arrow'), import('../output/arrow.js')])
    for await (const batch of this.batches()) if (batch.length > 0) yield recordBatch(library, this.columns, batch)
  }
}

/** An image that is open until it is closed. */
export class Image {
  constructor(
    private readonly engine: Engine,
    private readonly opened: OpenedImage,
    private readonly registry: Registry,
    private readonly signal: AbortSignal,
  ) {}

  /** What the file and the kernel in it are. */
  get info(): Readonly<ImageInfo> {
    return this.opened.info
  }

  /** Names of the tables that can be had. */
  get tables(): readonly string[] {
    return this.registry.list().flatMap(({ name, source, artifacts }) => (source || artifacts ? [] : [name]))
  }

  /** A table by its name or by its declaration, which gives its rows their types. Nothing is read before its rows are. */
  table<C extends Columns = Columns>(
    analyzer: string | { readonly name: string; readonly columns: C },
    asked: TableOptions = {},
  ): ImageTable<C> {
    const known = this.registry.get(typeof analyzer === 'string' ? analyzer : analyzer.name)
    if (known.source !== undefined || known.artifacts !== undefined)
      throw new SalvorError('USAGE', `${known.name} is no table of an image alone`)
    return new ImageTable(known.name, known.columns as C, () => this.make(known, asked))
  }

  async close(): Promise<void> {
    await this.engine.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  private async *make(analyzer: KnownAnalyzer, asked: TableOptions): AsyncGenerator<Batch, readonly Warning[]> {
    const { options = {}, progress = () => {}, signal } = asked
    const stop = new AbortController()
    const ended = AbortSignal.any([this.signal, stop.signal, ...(signal === undefined ? [] : [signal])])
    const request = { analyzer, options: readOptions(analyzer.options, options, (name) => name) }
    const channel = new Channel(ended)
    const reporter: Reporter = { progress, log: () => {}, warnings: () => {}, failure: () => {} }
    const run = this.engine.run(this.opened, [request], channel, reporter).finally(() => channel.finish())
    // Heard below; a reader that stops early does not wait for it.
    run.catch(() => {})
    try {
      for (let batch = await channel.next(); batch !== undefined; batch = await channel.next()) yield batch
      if (ended.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
      const [outcome] = await run
      if (outcome?.failed !== undefined) throw fromFailure(outcome.failed)
      return outcome?.warnings ?? []
    } finally {
      stop.abort()
    }
  }
}

/** One batch at a time from the engine to a reader. */
class Channel implements TableSink {
  private batch: Batch | undefined
  private over = false
  private wakeReader: () => void = () => {}
  private wakeWriter: () => void = () => {}

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', () => this.finish(), { once: true })
  }

  async rows(_analyzer: KnownAnalyzer, batch: Batch): Promise<void> {
    if (this.signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
    this.batch = batch
    this.wakeReader()
    await new Promise<void>((resolve) => {
      this.wakeWriter = resolve
      if (this.over) resolve()
    })
  }

  async end(): Promise<void> {}

  /** The next batch, or undefined after the last. */
  async next(): Promise<Batch | undefined> {
    if (this.batch === undefined && !this.over) {
      await new Promise<void>((resolve) => {
        this.wakeReader = resolve
      })
    }
    const { batch } = this
    this.batch = undefined
    this.wakeWriter()
    return batch
  }

  finish(): void {
    this.over = true
    this.wakeReader()
    this.wakeWriter()
  }
}

/** Opens an image. Throws an error with a `code` where it cannot be read, or has no kernel. */
export async function openImage(path: string, registry: Registry, options: OpenImageOptions = {}): Promise<Image> {
  const { cacheDir = null, symbols = [], threads, signal = new AbortController().signal } = options
  const engine = new Engine(registry, signal, threads === undefined ? {} : { threads })
  try {
    return new Image(engine, await engine.open(path, { cacheDir, symbols }), registry, signal)
  } catch (error) {
    await engine.close()
    throw error
  }
}
