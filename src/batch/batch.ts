/** A batch: images that are not in the case yet, analyzed here or elsewhere, their results put into the case. */

import { mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { State } from '../case/manifest.js'
import type { CaseStore, SourceRecord, SourceState } from '../case/store.js'
import { toFailure } from '../engine/errors.js'
import type { Registry } from '../engine/registry.js'
import { exitCodeOf, exitCodes } from '../engine/status.js'
import type { IntakeSettings } from '../intake/intake.js'
import { isElsewhere } from '../intake/names.js'
import type { ChildProgram } from './child.js'
import { type ChildLimits, type Job, jobId, type Outcome, type Settings, settingsHash } from './job.js'
import { type Finished, LocalQueue } from './queue.js'
import { serve } from './serve.js'
import type { NamedImage } from './sources/source.js'

/** What each of a batch's jobs is told. */
export interface BatchOptions {
  readonly settings: Settings
  readonly threads: number
  readonly cacheDir: string | null
  readonly intake?: IntakeSettings
  readonly limits: ChildLimits
  readonly signal: AbortSignal
}

export interface LocalBatchOptions extends BatchOptions {
  /** How many images at once. */
  readonly workers: number
  /** To be divided among images where there are fewer; without it each has `threads`. */
  readonly processors?: number
  readonly program: ChildProgram
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

/** How an image ended of which this came. */
export function endOf({ path }: Job, outcome: Outcome, milliseconds: number): ImageEnd {
  const ended = { path, known: false, outcome, milliseconds }
  if (outcome.kind === 'lost') return { ...ended, state: 'lost', exitCode: outcome.exitCode, error: outcome.why }
  const { state, exit_code: exitCode, error } = outcome.record
  return { ...ended, state, exitCode, ...(error === null ? {} : { error }) }
}

export interface BatchReporter {
  readonly begin: (images: number) => void
  readonly progress: (path: string, task: string, done: number, total: number) => void
  readonly end: (image: ImageEnd) => void
}

/** Takes what became of a job, and how long that took. */
export type Ended = (job: Job, outcome: Outcome, milliseconds: number) => Promise<void>

/** Where unfinished results are. Nothing in it survives the batch. */
function workFolder(folder: string): string {
  return join(folder, 'work')
}

export abstract class Batch<Options extends BatchOptions> {
  protected readonly work: string
  private readonly settings: string
  private readonly sources = new WeakMap<Job, SourceRecord>()
  /** Results are put into the case one after the other. */
  private tail: Promise<unknown> = Promise.resolve()

  constructor(
    protected readonly store: CaseStore,
    private readonly registry: Registry,
    protected readonly options: Options,
    protected readonly reporter: BatchReporter,
  ) {
    this.work = workFolder(store.folder)
    this.settings = settingsHash(options.settings)
  }

  /** Does what is not done yet. Answers how each image ended. */
  async run(images: readonly NamedImage[]): Promise<readonly ImageEnd[]> {
    const ends: ImageEnd[] = []
    const end = (image: ImageEnd): void => {
      ends.push(image)
      this.reporter.end(image)
    }
    this.reporter.begin(images.length)
    await this.atWork(async () => {
      const left: SourceRecord[] = []
      for (const image of images) {
        const source = await this.newSource(image, end)
        if (source !== undefined) left.push(source)
      }
      const threads = this.threadsOf(left.length)
      await this.perform(
        left.map((source) => this.jobOf(source, threads)),
        this.keeping(end),
      )
    })
    return ends
  }

  /** Does something with a folder for unfinished results, of which nothing is left. */
  protected async atWork(work: () => Promise<void>): Promise<void> {
    // A run before this one that was ended has left what nobody can go on with.
    rmSync(this.work, { recursive: true, force: true })
    mkdirSync(this.work)
    try {
      await work()
    } finally {
      rmSync(this.work, { recursive: true, force: true })
    }
  }

  /** An image as it is now, unless it was done before. */
  protected async newSource(image: NamedImage, end: (image: ImageEnd) => void): Promise<SourceRecord | undefined> {
    const source = this.sourceOf(image)
    const known = await this.known(source)
    if (known === undefined) return source
    end(known)
    return undefined
  }

  /** How many threads each of so many images has. */
  protected threadsOf(_images: number): number {
    return this.options.threads
  }

  protected keeping(end: (image: ImageEnd) => void): Ended {
    return async (job, outcome, milliseconds) => {
      end(await this.inTurn(() => this.keep(job, outcome, milliseconds)))
    }
  }

  /** Does the jobs, or has them done; how each ended is handed over as it ends. */
  protected abstract perform(jobs: readonly Job[], ended: Ended): Promise<void>

  protected inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.tail.then(work)
    this.tail = done.catch(() => {})
    return done
  }

  protected jobOf(source: SourceRecord, threads = this.options.threads): Job {
    const { settings, cacheDir, limits, intake } = this.options
    const elsewhere = intake !== undefined && isElsewhere(source.path)
    const job = { path: source.path, settings, limits, threads, cacheDir, ...(elsewhere ? { intake } : {}) }
    this.sources.set(job, source)
    return job
  }

  protected sourceFor(job: Job): SourceRecord {
    return this.sources.get(job) ?? this.sourceOf(job)
  }

  /** As it is before it is analyzed: a file that is another by then is another source. */
  private sourceOf({ path, version }: NamedImage): SourceRecord {
    if (version !== undefined) return { path, ...version, settings: this.settings }
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    return { path, bytes: Number(found?.size ?? 0n), modified: found?.mtimeNs ?? 0n, settings: this.settings }
  }

  private async known(source: SourceRecord): Promise<ImageEnd | undefined> {
    const last = await this.store.stateOf(source)
    const found = last === undefined || last.state === 'lost' ? await this.knownBefore(source) : last
    if (found === undefined) return undefined
    return { path: source.path, state: found.state, exitCode: found.exitCode, known: true, milliseconds: 0 }
  }

  /** What was made of it in this way before it was analyzed in another. */
  private async knownBefore(source: SourceRecord): Promise<SourceState | undefined> {
    const sha256 = await this.store.hashOf(source)
    return sha256 === undefined ? undefined : this.store.lead(source, jobId(sha256, this.options.settings))
  }

  private async keep(job: Job, outcome: Outcome, milliseconds: number): Promise<ImageEnd> {
    const source = this.sourceFor(job)
    const ended = endOf(job, outcome, milliseconds)
    if (outcome.kind === 'lost') {
      // It is tried again where even that could not be kept.
      if (outcome.exitCode !== exitCodes.interrupted)
        await this.store.lose(source, outcome.exitCode, outcome.why).catch(() => {})
      return ended
    }
    const { record } = outcome
    try {
      const tables = outcome.tables.map(({ analyzer, file }) => {
        const { columns, key } = this.registry.get(analyzer)
        return { analyzer, columns, key: key ?? [], file }
      })
      await this.store.add(source, record, tables)
      return ended
    } catch (error) {
      const failure = toFailure(error)
      const why = `its result could not be put into the case: ${failure.message}`
      return { ...ended, state: 'lost', exitCode: exitCodeOf(failure.code), error: why }
    }
  }
}

/** Done by children of this process. */
export class LocalBatch extends Batch<LocalBatchOptions> {
  protected override threadsOf(images: number): number {
    const { threads, processors } = this.options
    return processors === undefined || images === 0 ? threads : Math.max(threads, Math.floor(processors / images))
  }

  protected async perform(jobs: readonly Job[], ended: Ended): Promise<void> {
    await this.serveAll(
      (finished) => new LocalQueue(jobs, finished),
      Math.min(this.options.workers, jobs.length),
      ended,
    )
  }

  /** Does images as they come, until no more do or it is told to stop: what is begun is done even then. */
  async follow(arrivals: AsyncIterable<NamedImage>, stopped: AbortSignal): Promise<void> {
    const end = (image: ImageEnd): void => this.reporter.end(image)
    let filled: Promise<void> | undefined
    const open = (finished: Finished): LocalQueue => {
      const queue = new LocalQueue([], finished, true)
      stopped.addEventListener('abort', () => queue.stop(), { once: true })
      filled = this.fill(queue, arrivals, end).finally(() => queue.close())
      // Heard below.
      filled.catch(() => {})
      return queue
    }
    await this.atWork(async () => {
      await this.serveAll(open, this.options.workers, this.keeping(end))
      await filled
    })
  }

  private async fill(
    queue: LocalQueue,
    arrivals: AsyncIterable<NamedImage>,
    end: (image: ImageEnd) => void,
  ): Promise<void> {
    for await (const image of arrivals) {
      const source = await this.inTurn(() => this.newSource(image, end))
      if (source !== undefined) queue.add(this.jobOf(source))
    }
  }

  private async serveAll(open: (finished: Finished) => LocalQueue, workers: number, ended: Ended): Promise<void> {
    const begun = new WeakMap<Job, number>()
    const queue = open((job, outcome) => ended(job, outcome, performance.now() - (begun.get(job) ?? 0)))
    const { program, signal } = this.options
    const servant = {
      program,
      folder: this.work,
      signal,
      begin: (job: Job) => {
        if (!begun.has(job)) begun.set(job, performance.now())
      },
      progress: (path: string, task: string, done: number, total: number) => {
        this.reporter.progress(path, task, done, total)
      },
    }
    await Promise.all(Array.from({ length: workers }, () => serve(queue, servant)))
  }
}
