/** A queue in Redis as a worker sees it. BullMQ hands jobs out, renews their locks and takes those of dead workers back. */

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job as BullJob, Worker } from 'bullmq'
import { exitCodes } from '../../engine/status.js'
import type { IntakeSettings } from '../../intake/intake.js'
import { isObjectName } from '../../intake/names.js'
import { require } from '../../require.js'
import { type ChildLimits, type Job, type Outcome, type Settings, settingsHash } from '../job.js'
import { otherPlugin } from '../plugins.js'
import type { Claim, JobQueue } from '../queue.js'
import type { Connection } from './connect.js'
import { tidy } from './keys.js'
import { pack } from './pack.js'
import type { Place } from './place.js'
import { openPlace, resultName, settingsName } from './places.js'
import { type Done, type QueuedJob, readQueued } from './queued.js'

export interface WorkerQueueOptions {
  readonly queue: string
  /** How many jobs at once. */
  readonly slots: number
  readonly version: string
  readonly plugins: Settings['plugins']
  readonly threads: number
  readonly cacheDir: string | null
  /** How images come to this machine that are no files. */
  readonly intake: IntakeSettings
  /** What the worker allows, where a job asks for more. */
  readonly limits: ChildLimits
  /** The place for results as it is called here; undefined: as the coordinator calls it. */
  readonly results?: string
  /** A folder for what is on its way. */
  readonly folder: string
  /** No more than one job. */
  readonly once: boolean
  /** Seconds without a job after which there will be none. */
  readonly idle?: number
  /** Seconds after which a worker that says nothing is taken for dead. */
  readonly lock: number
  /** Hears of jobs that this worker refuses, and of results that cannot be delivered. */
  readonly refused: (path: string, why: string) => void
  /** Hears of each outcome that somebody takes, while its files are there. */
  readonly delivered?: (job: Job, outcome: Outcome) => void
}

type QueueJob = BullJob<QueuedJob, Done>

/** How often a job is taken whose worker ends without a word. */
const MOST_STALLS = 5
/** A worker that can do nothing for a job leaves the next ones to others for a while, longer each time. */
const FIRST_REST = 1_000
const LONGEST_REST = 60_000
const CLOSE_MILLISECONDS = 5_000

export class RedisQueue implements JobQueue {
  private readonly worker: Worker<QueuedJob, Done>
  private readonly offered: Claim[] = []
  private readonly asking: ((claim: Claim | undefined) => void)[] = []
  private readonly settings = new Map<string, Settings>()
  private readonly host = hostname()
  private last: { readonly root: string; readonly batch: string; readonly place: Place } | undefined
  private busy = 0
  private refusals = 0
  private stopped = false
  private idle: NodeJS.Timeout | undefined

  constructor(
    private readonly connection: Connection,
    private readonly options: WorkerQueueOptions,
  ) {
    const { Worker: Class } = require('bullmq') as typeof import('bullmq')
    const milliseconds = options.lock * 1000
    this.worker = new Class<QueuedJob, Done>(options.queue, (job, token = '') => this.process(job, token), {
      connection: connection.client,
      name: this.host,
      concurrency: options.slots,
      lockDuration: milliseconds,
      stalledInterval: milliseconds,
      maxStalledCount: MOST_STALLS,
      skipMetasUpdate: true,
    } as ConstructorParameters<typeof Class<QueuedJob, Done>>[2])
    // The connection tells when it is lost; a job whose lock was lost is somebody else's, and its result as good as theirs.
    this.worker.on('error', () => {})
    this.worker.on('completed', (job, done) => {
      if (done.kind === 'over') void this.forget(job)
    })
    this.wait()
  }

  claim(): Promise<Claim | undefined> {
    const next = this.offered.shift()
    if (next !== undefined) {
      if (this.options.once) this.stop()
      return Promise.resolve(next)
    }
    if (this.stopped) return Promise.resolve(undefined)
    return new Promise((resolve) => this.asking.push(resolve))
  }

  /** Takes no further job; those that were taken go on. */
  stop(): void {
    if (this.stopped) return
    this.stopped = true
    clearTimeout(this.idle)
    void this.worker.pause(true)
    for (const resolve of this.asking.splice(0)) resolve(undefined)
    for (const claim of this.offered.splice(0)) void claim.giveBack()
  }

  /** Waits until what was said of the last jobs has arrived, but not for a server that is away. */
  async close(): Promise<void> {
    this.stop()
    const ended = this.worker
      .close()
      .then(() => tidy(this.connection.client, this.options.queue))
      .catch(() => {})
    await Promise.race([ended, sleep(CLOSE_MILLISECONDS, undefined, { ref: false })])
    this.connection.close()
  }

  /** The queue is left when nothing came for a while. */
  private wait(): void {
    clearTimeout(this.idle)
    const { idle } = this.options
    if (idle === undefined || this.busy > 0 || this.stopped) return
    this.idle = setTimeout(() => this.stop(), idle * 1000)
  }

  private async process(bull: QueueJob, token: string): Promise<Done> {
    this.busy++
    this.wait()
    try {
      const queued = readQueued(bull.data)
      const place = this.place(queued)
      const state = await place.state()
      if (state === 'over') return { kind: 'over' }
      if (state === 'away') throw new Error(`its place for results is not there: ${queued.results}`)
      if (await place.has(resultName(bull.id ?? ''))) return { kind: 'result' }
      const job = await this.accepted(queued, place)
      const done = await this.offer(bull, token, job, place)
      this.refusals = 0
      return done
    } catch (error) {
      if (error instanceof Error && error.name === 'WaitingError') throw error
      const why = error instanceof Error ? error.message : String(error)
      if (!(error instanceof Crash)) this.rest(bull.data?.path, why)
      throw new Error(`worker ${this.host}: ${why}`)
    } finally {
      this.busy--
      this.wait()
    }
  }

  /** The last one that was asked for: a worker does one batch after the other. */
  private place({ results, batch }: QueuedJob): Place {
    const root = this.options.results ?? results
    if (this.last?.root !== root || this.last.batch !== batch)
      this.last = { root, batch, place: openPlace(root, batch, this.options.intake) }
    return this.last.place
  }

  /** The job as it is to be done here. Throws where it cannot be. */
  private async accepted(queued: QueuedJob, place: Place): Promise<Job> {
    const { version, plugins, threads, cacheDir, limits, intake } = this.options
    if (queued.version !== version)
      throw new Error(`it is salvor ${version}, and the job is of salvor ${queued.version}`)
    const settings = await this.settingsOf(queued.settings, place)
    const other = otherPlugin(settings.plugins, plugins)
    if (other !== undefined) throw new Error(other)
    unlessReached(queued)
    const job = { path: queued.path, settings, limits: lesser(queued.limits, limits), threads, cacheDir }
    return isObjectName(job.path) ? { ...job, intake } : job
  }

  private async settingsOf(hash: string, place: Place): Promise<Settings> {
    const known = this.settings.get(hash)
    if (known !== undefined) return known
    const folder = mkdtempSync(join(this.options.folder, 'settings-'))
    try {
      const file = join(folder, 'settings')
      if (!(await place.get(settingsName(hash), file))) throw new Error('the settings of its batch are not there')
      const settings = JSON.parse(readFileSync(file, 'utf8')) as Settings
      if (settingsHash(settings) !== hash) throw new Error('the settings of its batch are damaged')
      this.settings.set(hash, settings)
      return settings
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** Has the job done by whoever claims it. */
  private offer(bull: QueueJob, token: string, job: Job, place: Place): Promise<Done> {
    return new Promise((resolve, reject) => {
      const giveBack = async (why?: string): Promise<void> => {
        if (why !== undefined) return reject(new Crash(why))
        const { WaitingError } = require('bullmq') as typeof import('bullmq')
        // Where the server is away, it takes the job back itself.
        await Promise.race([bull.moveToWait(token).catch(() => {}), sleep(CLOSE_MILLISECONDS)])
        reject(new WaitingError())
      }
      const finish = async (outcome: Outcome): Promise<void> => {
        if (outcome.kind === 'lost' && outcome.exitCode === exitCodes.interrupted) return giveBack()
        // It could not be had here, which says nothing of other machines.
        if (outcome.kind === 'lost' && (outcome.unreached || outcome.exitCode === exitCodes.evidence))
          return reject(new Error(outcome.why))
        await this.deliver(outcome, bull.id ?? '', place).then((done) => {
          if (done.kind !== 'over') this.options.delivered?.(job, outcome)
          resolve(done)
        }, reject)
      }
      this.hand({ job, attempt: bull.attemptsMade + 1, finish, giveBack })
    })
  }

  private async deliver(outcome: Outcome, id: string, place: Place): Promise<Done> {
    if (outcome.kind === 'lost') return outcome
    const folder = mkdtempSync(join(this.options.folder, 'packed-'))
    try {
      const file = await pack(outcome, folder)
      return (await place.put(resultName(id), file)) ? { kind: 'result' } : { kind: 'over' }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  private hand(claim: Claim): void {
    if (this.stopped) return void claim.giveBack()
    const resolve = this.asking.shift()
    if (resolve === undefined) this.offered.push(claim)
    else {
      resolve(claim)
      if (this.options.once) this.stop()
    }
  }

  /** Leaves jobs to others that may be able to do them. */
  private rest(path: unknown, why: string): void {
    this.options.refused(String(path), why)
    void this.worker.pause(true)
    const pause = Math.min(LONGEST_REST, FIRST_REST * 2 ** this.refusals++)
    setTimeout(() => {
      if (!this.stopped) void this.worker.resume()
    }, pause).unref()
  }

  private async forget(job: QueueJob): Promise<void> {
    await job.remove().catch(() => {})
    await tidy(this.connection.client, this.options.queue).catch(() => {})
  }
}

/** The image's process ended, which is no fault of the machine's. */
class Crash extends Error {}

function lesser(asked: ChildLimits, own: ChildLimits): ChildLimits {
  const least = (...values: (number | undefined)[]): number | undefined => {
    const given = values.flatMap((value) => value ?? [])
    return given.length === 0 ? undefined : Math.min(...given)
  }
  const timeout = least(asked.timeout, own.timeout)
  const memory = least(asked.memory, own.memory)
  return { ...(timeout === undefined ? {} : { timeout }), ...(memory === undefined ? {} : { memory }) }
}

/** What is in a bucket is looked for by whoever opens it. */
function unlessReached({ path, bytes }: QueuedJob): void {
  if (isObjectName(path)) return
  if (!isAbsolute(path)) throw new Error(`it names no image that others have: ${path}`)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw new Error(`the image is not there: ${path}`)
  if (found.size !== bytes) throw new Error(`another file is there, of ${found.size} bytes and not ${bytes}: ${path}`)
}
