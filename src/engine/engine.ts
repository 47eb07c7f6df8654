import type { ScanName } from '../api/analyzer.js'
import type { Batch } from '../api/table.js'
import type { ImageInfo, OpenOptions } from '../kernel/kernel.js'
import type { Warning } from '../warning.js'
import { collect } from './collect.js'
import { type Failure, SalvorError, toFailure } from './errors.js'
import { openHost } from './host.js'
import { plan } from './plan.js'
import { Pool, type PoolOptions } from './pool.js'
import type { KnownAnalyzer, Registry } from './registry.js'
import { type ScanResult, scan } from './scans.js'
import type { TableOutcome } from './status.js'
import type { Answer, Results, TableData } from './tasks.js'
import { distinct } from './warnings.js'

/** Where a run's tables go. The engine calls it in any order across tables, in row order within one. */
export interface TableSink {
  /** Resolves when there is room for more. */
  rows(analyzer: KnownAnalyzer, batch: Batch): Promise<void>
  end(analyzer: KnownAnalyzer, outcome: TableOutcome): Promise<void>
}

/** What a run tells its user while it goes on. */
export interface Reporter {
  progress(task: string, done: number, total: number): void
  log(line: string): void
  /** What one table, scan or image has to say at its end. */
  warnings(warnings: readonly Warning[]): void
  failure(analyzer: string, failure: Failure): void
}

export interface OpenedImage {
  readonly id: number
  readonly info: ImageInfo
}

interface Finished {
  readonly outcome: TableOutcome
  /** What an analyzer that needs this table inherits; the image's own warnings it has by itself. */
  readonly warnings: readonly Warning[]
  /** Present if another analyzer needs it. */
  readonly table?: TableData
}

/** A failure as it is told where rows came before it. */
function afterRows(failure: Failure, rows: number): Failure {
  return rows === 0
    ? failure
    : { ...failure, message: `${failure.message} (only the ${rows} rows before it are there)` }
}

/** Runs analyzers over images on one pool of workers. */
export class Engine {
  private readonly pool: Pool

  constructor(
    private readonly registry: Registry,
    private readonly signal: AbortSignal,
    options: PoolOptions = {},
  ) {
    this.pool = new Pool(options)
  }

  open(path: string, options: OpenOptions): Promise<OpenedImage> {
    return this.pool.run<'open'>({ kind: 'open', path, options })
  }

  async closeImage(image: OpenedImage): Promise<void> {
    await this.pool.run<'close'>({ kind: 'close', image: image.id })
  }

  writeTouched(image: OpenedImage, output: string): Promise<Results['write-touched']> {
    return this.pool.run<'write-touched'>({ kind: 'write-touched', image: image.id, output })
  }

  /** Ends the workers at once. */
  close(): Promise<void> {
    return this.pool.close()
  }

  /** Runs the requested analyzers and those they need; answers how each requested one ended. */
  async run(
    image: OpenedImage,
    requested: readonly KnownAnalyzer[],
    sink: TableSink,
    reporter: Reporter,
  ): Promise<TableOutcome[]> {
    const ordered = plan(requested, (name) => this.registry.find(name))
    const run = new ImageRun(this.pool, image, this.signal, sink, reporter, ordered, new Set(requested))
    const finished = await run.all()
    return requested.flatMap(({ name }) => finished.get(name)?.outcome ?? [])
  }
}

/** The tables and scans of one image, each made once. */
class ImageRun {
  private readonly scanning = new Map<ScanName, Promise<ScanResult>>()
  private readonly running = new Map<string, Promise<Finished>>()
  private readonly needed: ReadonlySet<string>

  constructor(
    private readonly pool: Pool,
    private readonly image: OpenedImage,
    private readonly signal: AbortSignal,
    private readonly sink: TableSink,
    private readonly reporter: Reporter,
    private readonly ordered: readonly KnownAnalyzer[],
    private readonly requested: ReadonlySet<KnownAnalyzer>,
  ) {
    this.needed = new Set(ordered.flatMap(({ needs }) => needs ?? []).map((need) => this.nameOf(need)))
  }

  async all(): Promise<Map<string, Finished>> {
    // In plan order, so that whatever an analyzer needs is already running.
    for (const analyzer of this.ordered) this.running.set(analyzer.name, this.one(analyzer))
    const finished = new Map<string, Finished>()
    for (const [name, running] of this.running) finished.set(name, await running)
    return finished
  }

  private async one(analyzer: KnownAnalyzer): Promise<Finished> {
    let rows = 0
    const batches: Batch[] = []
    const inherited: Warning[] = []
    const take = async (batch: Batch): Promise<void> => {
      rows += batch.length
      if (this.needed.has(analyzer.name)) batches.push(batch)
      if (this.requested.has(analyzer)) await this.sink.rows(analyzer, batch)
    }
    const answer = await this.attempt(analyzer, inherited, take)
    const own = answer.ok ? answer.value : answer.warnings
    this.reporter.warnings(own)
    if (!answer.ok) this.reporter.failure(analyzer.name, afterRows(answer.failure, rows))
    const warnings = distinct([...inherited, ...own])
    const outcome: TableOutcome = {
      analyzer: analyzer.name,
      rows,
      warnings: [...this.image.info.warnings, ...warnings],
      ...(answer.ok ? {} : { failed: answer.failure }),
    }
    if (this.requested.has(analyzer)) await this.sink.end(analyzer, outcome)
    if (!answer.ok || !this.needed.has(analyzer.name)) return { outcome, warnings }
    return { outcome, warnings, table: collect(analyzer.name, analyzer.columns, batches) }
  }

  private async attempt(
    analyzer: KnownAnalyzer,
    inherited: Warning[],
    take: (batch: Batch) => Promise<void>,
  ): Promise<Answer<readonly Warning[]>> {
    try {
      const tables = await this.tablesFor(analyzer, inherited)
      const scans = await this.scansFor(analyzer, inherited)
      if (this.signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
      return await this.analyze(analyzer, tables, scans, take)
    } catch (error) {
      // A worker that was ended because of the signal did not fail.
      const interrupted = this.signal.aborted ? new SalvorError('INTERRUPTED', 'interrupted') : error
      return { ok: false, failure: toFailure(interrupted), warnings: [] }
    }
  }

  private async tablesFor(analyzer: KnownAnalyzer, inherited: Warning[]): Promise<TableData[]> {
    const tables: TableData[] = []
    for (const need of analyzer.needs ?? []) {
      const { outcome, warnings, table } = (await this.running.get(this.nameOf(need))) ?? {}
      if (table === undefined) {
        throw new SalvorError(outcome?.failed?.code ?? 'INTERNAL', `it needs the table ${need}, which failed`)
      }
      inherited.push(...(warnings ?? []))
      tables.push({ ...table, name: need })
    }
    return tables
  }

  private nameOf(need: string): string {
    const found = this.ordered.find(({ name, aliases }) => name === need || aliases?.includes(need))
    return found?.name ?? need
  }

  private async scansFor(
    analyzer: KnownAnalyzer,
    inherited: Warning[],
  ): Promise<Partial<Record<ScanName, BigUint64Array>>> {
    const scans: Partial<Record<ScanName, BigUint64Array>> = {}
    for (const name of analyzer.scans ?? []) {
      const scanning = this.scanning.get(name) ?? this.startScan(name)
      this.scanning.set(name, scanning)
      const { addresses, warnings, lost } = await scanning
      scans[name] = addresses
      inherited.push(...warnings.map((warning) => ({ ...warning, analyzer: analyzer.name })), ...lost)
    }
    return scans
  }

  private async startScan(name: ScanName): Promise<ScanResult> {
    const task = `scan for ${name}`
    const progress = (done: number, total: number) => this.reporter.progress(task, done, total)
    const result = await scan(this.pool, this.image.id, name, { signal: this.signal, progress })
    this.reporter.warnings(result.warnings.map((warning) => ({ ...warning, analyzer: task })))
    this.reporter.warnings(result.lost)
    return result
  }

  private async analyze(
    analyzer: KnownAnalyzer,
    tables: readonly TableData[],
    scans: Partial<Record<ScanName, BigUint64Array>>,
    take: (batch: Batch) => Promise<void>,
  ): Promise<Answer<readonly Warning[]>> {
    const { port, close } = openHost({
      rows: take,
      progress: (done, total) => this.reporter.progress(analyzer.name, done, total),
      log: (line) => this.reporter.log(line),
      signal: this.signal,
    })
    try {
      return await this.pool.ask<'analyze'>({
        kind: 'analyze',
        image: this.image.id,
        analyzer: analyzer.name,
        source: analyzer.source,
        tables,
        scans,
        port,
      })
    } finally {
      close()
    }
  }
}
