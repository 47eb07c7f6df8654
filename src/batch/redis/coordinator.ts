/** A batch whose jobs are done by workers elsewhere. What is lasting is the case and the results; the queue may be lost at any moment. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JobType, Queue } from 'bullmq'
import { toFailure } from '../../engine/errors.js'
import { exitCodes } from '../../engine/status.js'
import { require } from '../../require.js'
import { Batch, type BatchOptions, type Ended } from '../batch.js'
import type { Job, Outcome } from '../job.js'
import type { RedisAddress } from './address.js'
import { batchId } from './batch-id.js'
import { connect, type Told } from './connect.js'
import { tidy } from './keys.js'
import { type Result, unpack } from './pack.js'
import type { Place } from './place.js'
import { openPlace, resultName, resultOf, settingsName } from './places.js'
import { type BatchId, type Done, type QueuedJob, queuedId, queuedJob } from './queued.js'

export interface QueueBatchOptions extends BatchOptions {
  readonly address: RedisAddress
  readonly queue: string
  /** Where workers put results. */
  readonly results: string
  readonly told: Told
}

/** How often workers may fail at a job that is not the image's fault, such as where they cannot reach it. */
const MOST_TRIES = 5
/** How often a result may be damaged or not arrive. */
const MOST_RESULTS = 3
const POLL_MILLISECONDS = 500
const SWEEP_MILLISECONDS = 15_000
/** How long a shared folder may take until what another machine wrote is seen. */
const ARRIVAL_MILLISECONDS = 60_000
const EVERYWHERE: JobType[] = ['wait', 'active', 'delayed', 'prioritized', 'completed', 'failed']
const STALLED = /stalled more than allowable limit/

interface Waiting {
  readonly job: Job
  readonly queued: QueuedJob
  /** How often it was queued anew because its result was of no use. */
  results: number
  /** Since when its worker has said that the result is there. */
  said?: number
}

export class QueueBatch extends Batch<QueueBatchOptions> {
  protected async perform(jobs: readonly Job[], ended: Ended): Promise<void> {
    const { address, queue, told, results, signal, intake = {} } = this.options
    const batch = await batchId(this.store)
    const connection = await connect(address, told)
    const { Queue: Class } = require('bullmq') as typeof import('bullmq')
    const bull = new Class<QueuedJob, Done>(queue, { connection: connection.client })
    // The connection tells it itself.
    bull.on('error', () => {})
    try {
      const place = openPlace(results, batch, intake)
      const collector = new Collector(bull, place, batch, this.work, ended)
      for (const job of jobs)
        collector.add(job, queuedJob(batch, job, this.sourceFor(job), results), this.idOf(batch, job))
      const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      await Promise.race([over, collector.run(signal).then(() => tidy(connection.client, queue))])
    } finally {
      connection.close()
    }
  }

  private idOf(batch: BatchId, job: Job): string {
    return queuedId(batch, this.sourceFor(job))
  }
}

/** Puts jobs into the queue and takes results out, until there are all. */
class Collector {
  private readonly waiting = new Map<string, Waiting>()

  constructor(
    private readonly queue: Queue<QueuedJob, Done>,
    private readonly place: Place,
    private readonly batch: BatchId,
    private readonly folder: string,
    private readonly ended: Ended,
  ) {}

  add(job: Job, queued: QueuedJob, id: string): void {
    this.waiting.set(id, { job, queued, results: 0 })
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.place.open()
    await this.putSettings()
    for (let swept = 0; this.waiting.size > 0 && !signal.aborted; ) {
      if (Date.now() - swept > SWEEP_MILLISECONDS) {
        await this.sweep()
        swept = Date.now()
      }
      await this.collect()
      if (this.waiting.size > 0) await sleep(POLL_MILLISECONDS, undefined, { ref: !signal.aborted })
    }
    if (signal.aborted) return
    // What runs that were ended have left, and jobs that somebody does a second time: their workers see that it is over.
    await this.place.close()
    await this.removeStrangers(await this.ids(EVERYWHERE))
  }

  /** They are of hundreds of bytes for each table, and the same for all jobs. */
  private async putSettings(): Promise<void> {
    const [first] = this.waiting.values()
    if (first === undefined) return
    const file = join(this.folder, 'settings.json')
    writeFileSync(file, JSON.stringify(first.job.settings))
    await this.place.put(settingsName(first.queued.settings), file)
    rmSync(file)
  }

  private async ids(types: JobType[]): Promise<string[]> {
    const found = await this.queue.getRanges(types, 0, -1)
    return [...new Set(found)].filter((id) => id.startsWith(`${this.batch}-`))
  }

  /** What a queue, a worker or a run of this batch that was killed may have left undone. */
  private async sweep(): Promise<void> {
    for (const name of await this.place.names()) {
      const id = resultOf(name)
      if (id === undefined) continue
      if (this.waiting.has(id)) await this.take(id)
      else await this.place.remove(name)
    }
    const there = await this.ids(EVERYWHERE)
    await this.removeStrangers(there)
    const known = new Set(there)
    await this.enqueue([...this.waiting.keys()].filter((id) => !known.has(id)))
  }

  private async removeStrangers(ids: readonly string[]): Promise<void> {
    // One that a worker holds cannot be removed, which is for that worker to do.
    for (const id of ids) if (!this.waiting.has(id)) await this.queue.remove(id).catch(() => 0)
  }

  private async enqueue(ids: readonly string[]): Promise<void> {
    const opts = { attempts: MOST_TRIES, removeOnComplete: false, removeOnFail: false, stackTraceLimit: 0 }
    const jobs = ids.flatMap((id) => {
      const found = this.waiting.get(id)
      return found === undefined ? [] : { name: 'image', data: found.queued, opts: { ...opts, jobId: id } }
    })
    if (jobs.length > 0) await this.queue.addBulk(jobs)
  }

  private async collect(): Promise<void> {
    for (const state of ['failed', 'completed'] as const) {
      const ids = await this.ids([state])
      await this.removeStrangers(ids)
      for (const id of ids) {
        const found = this.waiting.get(id)
        const job = found === undefined ? undefined : await this.queue.getJob(id)
        if (found === undefined || job === undefined) continue
        if (state === 'failed') await this.finish(id, failed(job.failedReason))
        else if (job.returnvalue?.kind === 'lost') await this.finish(id, job.returnvalue)
        else await this.arrived(id, found)
      }
    }
  }

  private async arrived(id: string, found: Waiting): Promise<void> {
    if (await this.place.has(resultName(id))) return this.take(id)
    found.said ??= Date.now()
    if (Date.now() - found.said > ARRIVAL_MILLISECONDS)
      await this.again(id, `its result did not arrive in ${found.queued.results}`)
  }

  private async take(id: string): Promise<void> {
    const found = this.waiting.get(id)
    if (found === undefined) return
    const folder = mkdtempSync(join(this.folder, 'result-'))
    try {
      const file = join(folder, 'packed')
      if (!(await this.place.get(resultName(id), file))) return
      const result = await unpack(file, folder, found.job).catch((error: unknown) => toFailure(error))
      if ('code' in result) await this.again(id, result.message)
      else await this.finish(id, result, millisecondsOf(result))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** In this order, so that a run that is ended in between finds it in the case and removes the rest. */
  private async finish(id: string, outcome: Outcome, milliseconds = 0): Promise<void> {
    const found = this.waiting.get(id)
    if (found === undefined) return
    await this.ended(found.job, outcome, milliseconds)
    this.waiting.delete(id)
    await this.place.remove(resultName(id))
    await this.removeStrangers([id])
  }

  private async again(id: string, why: string): Promise<void> {
    const found = this.waiting.get(id)
    if (found === undefined) return
    found.results++
    delete found.said
    if (found.results >= MOST_RESULTS)
      return this.finish(id, { kind: 'lost', why: `${why} (${MOST_RESULTS} times)`, exitCode: exitCodes.internal })
    await this.place.remove(resultName(id))
    await this.queue.remove(id).catch(() => 0)
    await this.enqueue([id])
  }
}

function failed(reason: string): Outcome {
  const why = STALLED.test(reason) ? 'its worker ended without a word, time after time' : reason
  return { kind: 'lost', why, exitCode: exitCodes.evidence }
}

function millisecondsOf({ record }: Result): number {
  return Math.max(0, Date.parse(record.ended) - Date.parse(record.started)) || 0
}
