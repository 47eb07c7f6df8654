/** A job as the queue holds it: what does not differ from job to job lies beside the results. */

import type { SourceRecord } from '../../case/store.js'
import { SalvorError } from '../../engine/errors.js'
import { sha256Of } from '../../file-hash.js'
import type { ChildLimits, Job } from '../job.js'

export const DEFAULT_QUEUE = 'salvor'

/** Of each batch its own; ids of its jobs begin with it. */
export type BatchId = string

export interface QueuedJob {
  readonly batch: BatchId
  /** Of salvor. */
  readonly version: string
  readonly path: string
  /** The file's size: another file of that name is none of this batch's. */
  readonly bytes: number
  /** The hash of the settings. */
  readonly settings: string
  readonly limits: ChildLimits
  /** The folder where results are put. */
  readonly results: string
}

/** What a worker says of a job that it has done. */
export type Done =
  | { readonly kind: 'result' }
  | { readonly kind: 'lost'; readonly why: string; readonly exitCode: number }
  /** Nobody waits for it any more. */
  | { readonly kind: 'over' }

const KEY_DIGITS = 32

/** The same file, to be analyzed in the same way for the same case, is queued once. */
export function queuedId(batch: BatchId, source: SourceRecord): string {
  const text = JSON.stringify(source, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
  return `${batch}-${sha256Of(text).slice(0, KEY_DIGITS)}`
}

export function queuedJob(batch: BatchId, job: Job, source: SourceRecord, results: string): QueuedJob {
  const { path, limits, settings } = job
  return { batch, version: settings.version, path, bytes: source.bytes, settings: source.settings, limits, results }
}

function isLimit(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && value > 0)
}

/** Reads what the queue hands out; anybody who may write to it may have put it there. */
export function readQueued(data: unknown): QueuedJob {
  const job = (data ?? {}) as Partial<Record<keyof QueuedJob, unknown>>
  const texts = [job.batch, job.version, job.path, job.settings, job.results]
  const limits = (job.limits ?? {}) as ChildLimits
  const fits =
    texts.every((text) => typeof text === 'string' && text !== '') &&
    /^[0-9a-f]+$/.test(String(job.batch)) &&
    /^[0-9a-f]{64}$/.test(String(job.settings)) &&
    Number.isSafeInteger(job.bytes) &&
    typeof limits === 'object' &&
    isLimit(limits.timeout) &&
    isLimit(limits.memory)
  if (!fits) throw new SalvorError('USAGE', 'it is no job of salvor, or one of another version')
  return { ...(data as QueuedJob), limits }
}
