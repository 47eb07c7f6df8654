/** A batch: images that are not in the case yet, done by children of this process, their results put into the case. */

import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { State } from '../case/manifest.js'
import type { CaseStore, SourceRecord } from '../case/store.js'
import { toFailure } from '../engine/errors.js'
import type { Registry } from '../engine/registry.js'
import { exitCodeOf, exitCodes } from '../engine/status.js'
import { type ChildLimits, type ChildProgram, isCrash, runChild } from './child.js'
import { type Job, type Outcome, type Settings, settingsHash } from './job.js'
import { type Claim, LocalQueue } from './queue.js'
import type { NamedImage } from './sources/source.js'

export interface BatchOptions {
  readonly settings: Settings
  readonly workers: number
  readonly threads: number
  readonly cacheDir: string | null
  readonly limits: ChildLimits
  readonly program: ChildProgram
  readonly signal: AbortSignal
}

/** One image at its end. */
export interface ImageEnd {
  readonly path: string
  readonly state: State
  readonly exitCode: number
  /** It was in the case before. */
  readonly known: boolean
  readonly error?: string
  readonly outcome?: Outcome
  readonly milliseconds: number
}

export interface BatchReporter {
  readonly begin: (images: number) => void
  readonly progress: (path: string, task: string, done: number, total: number) => void
  readonly end: (image: ImageEnd) => void
}

/** How often a job is taken whose process ends without a word: once may be an accident. */
const MOST_ATTEMPTS = 2

/** Where unfinished results are. Nothing in it survives the batch. */
function workFolder(folder: string): string {
  return join(folder, 'work')
}

export class LocalBatch {
  private readonly work: string
  private readonly settings: string
  private readonly sources = new Map<Job, SourceRecord>()
  private readonly begun = new Map<Job, number>()
  /** Results are put into the case one after the other. */
  private tail: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly store: CaseStore,
    private readonly registry: Registry,
    private readonly options: BatchOptions,
    private readonly reporter: BatchReporter,
  ) {
    this.work = workFolder(store.folder)
    this.settings = settingsHash(options.settings)
  }

  /** Does what is not done yet. Answers how each image ended. */
  async run(images: readonly NamedImage[]): Promise<readonly ImageEnd[]> {
    // A run before this one that was ended has left what nobody can go on with.
    rmSync(this.work, { recursive: true, force: true })
    mkdirSync(this.work)
    const ends: ImageEnd[] = []
    const end = (image: ImageEnd): void => {
      ends.push(image)
      this.reporter.end(image)
    }
    this.reporter.begin(images.length)
    try {
      const jobs: Job[] = []
      for (const { path } of images) {
        const source = this.sourceOf(path)
        const known = await this.known(source)
        if (known === undefined) jobs.push(this.jobOf(source))
        else end(known)
      }
      const queue = new LocalQueue(jobs, async (job, outcome) => end(await this.inTurn(() => this.keep(job, outcome))))
      const { workers } = this.options
      await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, () => this.serve(queue)))
      return ends
    } finally {
      rmSync(this.work, { recursive: true, force: true })
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.tail.then(work)
    this.tail = done.catch(() => {})
    return done
  }

  private jobOf(source: SourceRecord): Job {
    const { settings, threads, cacheDir } = this.options
    const job = { path: source.path, settings, threads, cacheDir }
    this.sources.set(job, source)
    return job
  }

  /** As it is before it is analyzed: a file that is another by then is another source. */
  private sourceOf(path: string): SourceRecord {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    return { path, bytes: Number(found?.size ?? 0n), modified: found?.mtimeNs ?? 0n, settings: this.settings }
  }

  private async known(source: SourceRecord): Promise<ImageEnd | undefined> {
    const found = await this.store.stateOf(source)
    if (found === undefined || found.state === 'lost') return undefined
    return { path: source.path, state: found.state, exitCode: found.exitCode, known: true, milliseconds: 0 }
  }

  private async serve(queue: LocalQueue): Promise<void> {
    for (let claim = await queue.claim(); claim !== undefined; claim = await queue.claim()) {
      if (this.options.signal.aborted) return
      await this.one(claim)
    }
  }

  private async one(claim: Claim): Promise<void> {
    const { job, attempt } = claim
    const { program, limits, signal } = this.options
    const folder = mkdtempSync(join(this.work, 'image-'))
    if (!this.begun.has(job)) this.begun.set(job, performance.now())
    try {
      const outcome = await runChild(program, { job, folder }, limits, {
        signal,
        progress: (task, done, total) => this.reporter.progress(job.path, task, done, total),
      })
      if (isCrash(outcome) && attempt < MOST_ATTEMPTS && !signal.aborted) await claim.giveBack()
      else await claim.finish(this.located(outcome, folder))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** A child names its files; where they are is known here. */
  private located(outcome: Outcome, folder: string): Outcome {
    if (outcome.kind === 'lost') return outcome
    return { ...outcome, tables: outcome.tables.map((table) => ({ ...table, file: join(folder, table.file) })) }
  }

  private async keep(job: Job, outcome: Outcome): Promise<ImageEnd> {
    const source = this.sources.get(job) ?? this.sourceOf(job.path)
    const milliseconds = performance.now() - (this.begun.get(job) ?? 0)
    const ended = (state: State, exitCode: number, error: string | null): ImageEnd => {
      return {
        path: job.path,
        state,
        exitCode,
        known: false,
        outcome,
        milliseconds,
        ...(error === null ? {} : { error }),
      }
    }
    if (outcome.kind === 'lost') {
      if (outcome.exitCode !== exitCodes.interrupted) await this.store.lose(source, outcome.exitCode, outcome.why)
      return ended('lost', outcome.exitCode, outcome.why)
    }
    const { record } = outcome
    try {
      const tables = outcome.tables.map(({ analyzer, file }) => {
        const { columns, key } = this.registry.get(analyzer)
        return { analyzer, columns, key: key ?? [], file }
      })
      await this.store.add(source, record, tables)
      return ended(record.state, record.exit_code, record.error)
    } catch (error) {
      const failure = toFailure(error)
      const why = `its result could not be put into the case: ${failure.message}`
      return ended('lost', exitCodeOf(failure.code), why)
    }
  }
}
