import type { Places } from '../api/scans.js'
import type { Batch } from '../api/table.js'
import type { EvidenceFileRecord } from '../case/manifest.js'
import type { RangedImage } from '../intake/brought.js'
import type { ImageInfo } from '../kernel/kernel.js'
import type { ScanRequest } from '../kernel/scans.js'
import type { ArtifactPlace } from '../output/artifacts.js'
import type { Warning } from '../warning.js'
import { collect } from './collect.js'
import { type Failure, SalvorError, toFailure } from './errors.js'
import { openHost } from './host.js'
import type { Lane, Lanes } from './lanes.js'
import { askedFlags, type PlannedNeed, type PlannedTable } from './plan.js'
import type { Pool } from './pool.js'
import type { KnownAnalyzer } from './registry.js'
import { type ScanPass, scanImage, scanKey, scanRequest } from './scans.js'
import type { TableOutcome } from './status.js'
import type { Answer, GivenTable, TableData } from './tasks.js'
import { TimeLimit } from './time-limit.js'
import { distinct, isNote } from './warnings.js'

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
  readonly kind: 'image'
  readonly id: number
  readonly info: ImageInfo
  /** What is on record of one that was brought here first, under the name that it has where it came from. */
  readonly received?: EvidenceFileRecord
  /** Of one of which only what is read is brought here. */
  readonly ranged?: RangedImage
}

/** A file that analyzers read instead of an image; each opens it for itself. */
export interface NamedFile {
  readonly kind: 'file'
  readonly path: string
  readonly info: { readonly warnings: readonly Warning[] }
}

export type Evidence = OpenedImage | NamedFile

type Planned = PlannedTable<KnownAnalyzer>
type Hits = Record<string, BigUint64Array | Places>

export interface Finished {
  readonly outcome: TableOutcome
  /** What an analyzer that needs this table inherits; the image's own warnings it has by itself. */
  readonly warnings: readonly Warning[]
  /** Present if another analyzer needs it. */
  readonly table?: TableData
}

export interface RunParts {
  readonly pool: Pool
  readonly lanes: Lanes
  /** Where files of analyzers go; null where they are left out. */
  readonly artifacts: ArtifactPlace | null
  /** Seconds that a table may take. */
  readonly timeout: number | undefined
  readonly evidence: Evidence
  readonly signal: AbortSignal
  readonly sink: TableSink
  readonly reporter: Reporter
}

/** A failure as it is told where rows came before it. */
function afterRows(failure: Failure, rows: number): Failure {
  return rows === 0
    ? failure
    : { ...failure, message: `${failure.message} (only the ${rows} rows before it are there)` }
}

/** The tables and scans of one image or file, each made once. */
export class Run {
  /** All scans that the tables ask for, each once, and the one pass that makes them. */
  private readonly asked = new Map<string, ScanRequest>()
  private pass: Promise<ScanPass> | undefined
  private readonly running = new Map<string, Promise<Finished>>()
  private readonly needed: ReadonlySet<string>

  constructor(
    private readonly parts: RunParts,
    private readonly planned: readonly Planned[],
    /** Ids of the tables that go to the sink. */
    private readonly requested: ReadonlySet<string>,
  ) {
    for (const { analyzer, options } of planned) {
      for (const scan of Object.values(analyzer.scans ?? {})) {
        const request = scanRequest(scan, options)
        this.asked.set(scanKey(request), request)
      }
    }
    this.needed = new Set(planned.flatMap(({ needs }) => needs).flatMap(({ table }) => table ?? []))
  }

  /** How each table ended, by its id in the plan. */
  async all(): Promise<Map<string, Finished>> {
    // In plan order, so that whatever an analyzer needs is already running.
    for (const planned of this.planned) this.running.set(planned.id, this.one(planned))
    const finished = new Map<string, Finished>()
    for (const [id, running] of this.running) finished.set(id, await running)
    return finished
  }

  private async one(planned: Planned): Promise<Finished> {
    const { id, analyzer, options } = planned
    const { evidence, reporter, sink } = this.parts
    const requested = this.requested.has(id)
    let rows = 0
    const batches: Batch[] = []
    const inherited: Warning[] = []
    const take = async (batch: Batch): Promise<void> => {
      rows += batch.length
      if (this.needed.has(id)) batches.push(batch)
      if (requested) await sink.rows(analyzer, batch)
    }
    const answer = await this.attempt(planned, inherited, take)
    const own = answer.ok ? answer.value : answer.warnings
    reporter.warnings(own)
    if (!answer.ok) reporter.failure(analyzer.name, afterRows(answer.failure, rows))
    const warnings = distinct([...inherited, ...own])
    const outcome: TableOutcome = {
      analyzer: analyzer.name,
      ...(analyzer.options === undefined ? {} : { options }),
      rows,
      warnings: [...evidence.info.warnings, ...warnings],
      ...(answer.ok ? {} : { failed: answer.failure }),
    }
    if (requested) await sink.end(analyzer, outcome)
    if (!answer.ok || !this.needed.has(id)) return { outcome, warnings }
    const partial = outcome.warnings.filter((warning) => !isNote(warning))
    return { outcome, warnings, table: collect(analyzer, batches, partial) }
  }

  private async attempt(
    planned: Planned,
    inherited: Warning[],
    take: (batch: Batch) => Promise<void>,
  ): Promise<Answer<readonly Warning[]>> {
    const { signal, lanes } = this.parts
    try {
      const tables: GivenTable[] = []
      for (const need of planned.needs) tables.push(await this.tableFor(planned, need, inherited))
      const scans = await this.scansFor(planned, inherited)
      return await lanes.run((lane) => {
        if (signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
        return this.analyze(planned, tables, scans, take, lane)
      })
    } catch (error) {
      // A worker that was ended because of the signal did not fail.
      const interrupted = signal.aborted ? new SalvorError('INTERRUPTED', 'interrupted') : error
      return { ok: false, failure: toFailure(interrupted), warnings: [] }
    }
  }

  private async tableFor(
    { analyzer }: Planned,
    { as, need, table: id, missing, unasked }: PlannedNeed,
    inherited: Warning[],
  ): Promise<GivenTable> {
    const { optional } = need
    // That the user did not ask for it is nothing to be warned of.
    if (unasked !== undefined) return { as, optional, table: null, why: `it needs ${askedFlags(unasked)}` }
    const finished = id === undefined ? undefined : await this.running.get(id)
    if (finished?.table !== undefined) {
      inherited.push(...finished.warnings)
      return { as, optional, table: finished.table, why: null }
    }
    const failed = finished?.outcome.failed
    if (!optional)
      throw new SalvorError(failed?.code ?? 'INTERNAL', `it needs the table ${need.analyzer}, which failed`)
    const why = failed ? `it failed: ${failed.message}` : `no plugin provides ${missing}`
    const message = `made without the table ${need.analyzer}: ${why}`
    const warning = { code: failed ? 'failed' : 'absent', message, analyzer: analyzer.name }
    inherited.push(warning)
    this.parts.reporter.warnings([warning])
    return { as, optional, table: null, why }
  }

  private async scansFor({ analyzer, options }: Planned, inherited: Warning[]): Promise<Hits> {
    const hits: Hits = {}
    for (const [name, scan] of Object.entries(analyzer.scans ?? {})) {
      this.pass ??= this.scanAll()
      const { results, lost } = await this.pass
      const result = results[[...this.asked.keys()].indexOf(scanKey(scanRequest(scan, options)))]
      if (result === undefined || result instanceof SalvorError) {
        throw new SalvorError(result?.code ?? 'INTERNAL', `its scan ${name} failed: ${result?.message ?? 'not made'}`)
      }
      hits[name] = result.hits
      inherited.push(...result.warnings.map((warning) => ({ ...warning, analyzer: analyzer.name })), ...lost)
    }
    return hits
  }

  /** One pass for all: most of what a scan costs is to bring memory in. */
  private async scanAll(): Promise<ScanPass> {
    const { evidence, pool, reporter, signal } = this.parts
    if (evidence.kind === 'file') throw new SalvorError('INTERNAL', 'a file is not searched as memory is')
    const requests = [...this.asked.values()]
    const kinds = [...new Set(requests.map(({ kind }) => kind))]
    const progress = (done: number, total: number) => reporter.progress(`scan for ${kinds.join(' and ')}`, done, total)
    const pass = await scanImage(pool, evidence.id, requests, { signal, progress })
    for (const [index, result] of pass.results.entries()) {
      if (result instanceof SalvorError) continue
      const task = `scan for ${requests[index]?.kind}`
      reporter.warnings(result.warnings.map((warning) => ({ ...warning, analyzer: task })))
    }
    reporter.warnings(pass.lost)
    return pass
  }

  private async analyze(
    { analyzer, options }: Planned,
    tables: readonly GivenTable[],
    scans: Hits,
    take: (batch: Batch) => Promise<void>,
    lane: Lane,
  ): Promise<Answer<readonly Warning[]>> {
    const { evidence, pool, reporter, signal, timeout } = this.parts
    const limit = new TimeLimit(timeout)
    const { port, close } = openHost({
      rows: take,
      progress: (done, total) => reporter.progress(analyzer.name, done, total),
      log: (line) => reporter.log(line),
      begin: () => limit.begin(),
      signal,
    })
    try {
      const task = {
        kind: 'analyze' as const,
        evidence: evidence.kind === 'image' ? { image: evidence.id } : { file: evidence.path },
        analyzer: analyzer.name,
        plugin: analyzer.plugin,
        rules: analyzer.rules ?? [],
        options,
        tables,
        scans,
        artifacts: this.parts.artifacts,
        port,
      }
      return await pool.ask<'analyze'>(task, { lane, signal: limit.signal })
    } finally {
      limit.end()
      close()
    }
  }
}
