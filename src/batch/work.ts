/** What one job is: an image hashed, its tables made into files of a folder. Runs in a process of its own. */

import type { ImageRecord, KernelRecord, State } from '../case/manifest.js'
import { TableFiles } from '../case/table-files.js'
import { Engine, type EngineOptions, type OpenedImage, type Reporter } from '../engine/engine.js'
import { type Failure, SalvorError, toFailure } from '../engine/errors.js'
import { evidenceFiles } from '../engine/evidence-file.js'
import { readOptions } from '../engine/option-values.js'
import { byDefault, type TableRequest } from '../engine/plan.js'
import type { KnownAnalyzer, Registry } from '../engine/registry.js'
import { exitCodeOf, exitCodes, imageExitCode, type TableOutcome, worst } from '../engine/status.js'
import { distinct } from '../engine/warnings.js'
import { NotOpened } from '../intake/brought.js'
import { isElsewhere, isObjectName } from '../intake/names.js'
import { isoTime } from '../iso-time.js'
import { isDiskFull } from '../output/target.js'
import type { Warning } from '../warning.js'
import { hashEvidence, Unhashed } from './hash-files.js'
import { evidenceId, type Job, jobId, type MadeTable, type Outcome } from './job.js'

export interface WorkParts {
  readonly registry: Registry
  readonly signal: AbortSignal
  /** An empty folder for the tables. */
  readonly folder: string
  readonly reporter: Reporter
}

/** The engine of a process, kept for the next job: its workers have the analyzers loaded and compiled. */
export class KeptEngine {
  private engine: Engine | undefined
  private options = ''

  constructor(
    private readonly registry: Registry,
    private readonly signal: AbortSignal,
    /** The module that stands for the kernel layer, in tests. */
    private readonly backend?: string,
  ) {}

  async for({ settings, threads, intake }: Job): Promise<Engine> {
    const options: EngineOptions = {
      threads,
      own: true,
      ...(settings.timeout === null ? {} : { timeout: settings.timeout }),
      ...(settings.memory === null ? {} : { memory: settings.memory }),
      ...(this.backend === undefined ? {} : { backend: this.backend }),
      ...(intake === undefined ? {} : { intake }),
    }
    const asked = JSON.stringify(options)
    if (this.engine === undefined || this.options !== asked) {
      await this.close()
      this.engine = new Engine(this.registry, this.signal, options)
      this.options = asked
    }
    return this.engine
  }

  async close(): Promise<void> {
    const { engine } = this
    this.engine = undefined
    await engine?.close()
  }
}

interface Made {
  readonly kernel: KernelRecord | null
  readonly outcomes: readonly TableOutcome[]
  readonly tables: ReadonlyMap<string, { readonly file: string; readonly sha256: string }>
  readonly warnings: readonly Warning[]
  readonly failure?: { readonly message: string; readonly exitCode: number }
}

function now(): string {
  return isoTime(BigInt(Date.now()) * 1_000_000n) ?? ''
}

type HadEvidence = Pick<ImageRecord, 'files' | 'sha256'>
type Lost = Extract<Outcome, { kind: 'lost' }>

/** Does a job. Whatever the image is, there is a record of it; throws where the job itself failed. */
export async function work(job: Job, engine: Engine, parts: WorkParts): Promise<Outcome> {
  const started = now()
  const { settings, path } = job
  const progress = (what: string) => (done: number, total: number) => parts.reporter.progress(what, done, total)
  const whole = isElsewhere(path) && !(settings.ranged === true && isObjectName(path))
  const received = whole ? await receive(engine, path, progress('receiving')) : undefined
  if (received !== undefined && 'kind' in received) return received
  const { unpackLimit } = settings
  const how = { cacheDir: job.cacheDir, ...(unpackLimit === undefined ? {} : { unpackLimit }) }
  let opened: OpenedImage | undefined
  let failure: unknown
  try {
    opened = await engine.open(path, how, progress('receiving'))
  } catch (error) {
    if (isUnreached(error)) return lost(toFailure(error))
    failure = error
  }
  const image = opened
  try {
    const had = received ?? fetchedOf(image, failure)
    // Both read the file from its beginning on, the one what the other has brought in.
    const [evidence, made] = await Promise.all([
      had ?? hashEvidence(image === undefined ? [path] : evidenceFiles(image.info), parts.signal),
      image === undefined ? failed(toFailure(failure)) : tablesOf(engine, image, job, parts),
    ])
    if (parts.signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
    if (image?.ranged?.broken) return lost(whyOf(path, made))
    return resultOf(job, fetchedOf(image, failure) ?? evidence, made, started, parts)
  } catch (error) {
    if (error instanceof Unwritten) return error.outcome
    // Why it was not opened says more.
    if (error instanceof Unhashed) return lost(toFailure(failure ?? error.failure))
    throw error
  } finally {
    if (image !== undefined) await engine.closeImage(image)
  }
}

function isUnreached(error: unknown): boolean {
  return error instanceof NotOpened && error.file === null
}

/** What could not be had is no result: another try may get it. */
function lost({ code, message }: Failure): Lost {
  return { kind: 'lost', why: message, exitCode: exitCodeOf(code), unreached: true }
}

/** What is on record by now of an object that was opened where it is, or was to be; nothing of any other image. */
function fetchedOf(image: OpenedImage | undefined, failure: unknown): HadEvidence | undefined {
  const file = image?.ranged?.file ?? image?.received ?? (failure instanceof NotOpened ? failure.file : null)
  return file == null ? undefined : { files: [file], sha256: file.sha256 }
}

/** Brings an image here. */
async function receive(
  engine: Engine,
  path: string,
  progress: (done: number, total: number) => void,
): Promise<HadEvidence | Lost> {
  try {
    const file = await engine.receive(path, progress)
    return { files: [file], sha256: file.sha256 }
  } catch (error) {
    return lost(toFailure(error))
  }
}

/** What the first table says that missed something. */
function whyOf(path: string, { outcomes }: Made): Failure {
  const missed = outcomes.find(({ failed }) => failed !== undefined)?.failed
  return missed ?? { code: 'EVIDENCE', message: `${path}: not all that was read could be had` }
}

function failed({ code, message }: { code: SalvorError['code']; message: string }): Made {
  return {
    kernel: null,
    outcomes: [],
    tables: new Map(),
    warnings: [],
    failure: { message, exitCode: exitCodeOf(code) },
  }
}

function requestsOf({ settings }: Job, registry: Registry): TableRequest<KnownAnalyzer>[] {
  return settings.tables.map(({ analyzer, options }) => {
    const known = registry.get(analyzer)
    // What nobody gave is not checked as if it were given.
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null))
    return { analyzer: known, options: readOptions(known.options, given, (name) => name) }
  })
}

const FACTS = 'info'

/** The tables could not be written here, which says nothing of the image. */
class Unwritten extends Error {
  constructor(readonly failure: SalvorError) {
    super(failure.message)
  }

  get outcome(): Outcome {
    const exitCode = isDiskFull(this.failure) ? exitCodes.limit : exitCodeOf(this.failure.code)
    return { kind: 'lost', why: this.message, exitCode, unreached: true }
  }
}

async function tablesOf(engine: Engine, image: OpenedImage, job: Job, parts: WorkParts): Promise<Made> {
  const { registry, folder, reporter } = parts
  const requests = requestsOf(job, registry)
  const asked = new Set(requests.map(({ analyzer }) => analyzer.name))
  // What the record says of the host is in this table, which costs next to nothing.
  const facts = registry.find(FACTS)
  const all = facts === undefined || asked.has(FACTS) ? requests : [...requests, byDefault(facts)]
  const files = new TableFiles(folder, asked, FACTS)
  const outcomes = await engine.run(image, all, files, reporter)
  if (files.failure !== undefined) throw new Unwritten(files.failure)
  const { info } = image
  return {
    kernel: {
      format: info.format,
      architecture: info.architecture,
      release: info.release,
      banner: info.banner,
      build_id: info.build_id,
      hostname: factOf(files, 'hostname'),
      boot_time: factOf(files, 'boot_time'),
    },
    outcomes: outcomes.filter(({ analyzer }) => asked.has(analyzer)),
    tables: files.tables,
    warnings: [...distinct([...info.warnings, ...outcomes.flatMap(({ warnings }) => warnings)]), ...files.warnings],
  }
}

function factOf(files: TableFiles, name: string): string | null {
  const value = files.kept?.columns[name]?.[0]
  return typeof value === 'string' ? value : null
}

const STATES: ReadonlyMap<number, State> = new Map([
  [exitCodes.complete, 'complete'],
  [exitCodes.partial, 'partial'],
  [exitCodes.limit, 'limited'],
])

function resultOf(job: Job, evidence: HadEvidence, made: Made, started: string, parts: WorkParts): Outcome {
  const { outcomes, tables, warnings, kernel, failure } = made
  const caps = warnings.some(({ code }) => code === 'cap') ? [exitCodes.limit] : []
  const exitCode = failure?.exitCode ?? worst([imageExitCode(outcomes), ...caps])
  const record: ImageRecord = {
    job: jobId(evidenceId(evidence), job.settings),
    files: evidence.files,
    sha256: evidence.sha256,
    tool: { name: 'salvor', version: job.settings.version },
    settings: job.settings,
    kernel,
    state: STATES.get(exitCode) ?? 'failed',
    exit_code: exitCode,
    error: failure?.message ?? null,
    tables: outcomes.flatMap(({ analyzer, options, rows, failed }) => {
      const table = tables.get(analyzer)
      if (table === undefined) return []
      return {
        table: analyzer,
        ...(options === undefined ? {} : { options }),
        columns: Object.keys(parts.registry.get(analyzer).columns),
        rows,
        sha256: table.sha256,
        ...(failed === undefined ? {} : { failed: failed.message }),
      }
    }),
    warnings,
    started,
    ended: now(),
  }
  const files = [...tables].map(([analyzer, { file }]): MadeTable => ({ analyzer, file }))
  return { kind: 'result', record, tables: files }
}
