/** Objects of which only what is read is brought here, by a thread of their own: the core waits for it, and blocks its own. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { EvidenceFileRecord } from '../../case/manifest.js'
import { type Failure, fromFailure } from '../../engine/errors.js'
import { isoTime } from '../../iso-time.js'
import { bundle } from '../../paths.js'
import type { Brought } from '../brought.js'
import type { SpoolSettings } from '../spool.js'
import type { BucketSettings } from './bucket.js'
import { type BucketObject, recordOf } from './object.js'

export interface RangedSettings extends SpoolSettings, BucketSettings {}

/** Where the thread counts what it brings, the requests for it, and what could not be had. */
export const COUNTS = { bytes: 0, requests: 1, failures: 2 } as const

/** What the thread is told when it starts. */
export interface BringerData {
  readonly name: string
  readonly settings: RangedSettings
  /** The socket that it listens at. */
  readonly door: string
  /** See `COUNTS`. */
  readonly counts: BigInt64Array
}

/** What the thread answers when it has looked at the object. */
export type Looked =
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** All of it has to be here to be read. */
  | { readonly kind: 'whole' }
  /** An empty file of its size, which leads nowhere outside of this process. */
  | { readonly kind: 'ready'; readonly path: string; readonly object: BucketObject }

export class RangedObject {
  private constructor(
    private readonly worker: Worker,
    private readonly folder: string,
    private readonly counts: BigInt64Array,
    /** Where it stands, for the core. */
    readonly path: string,
    readonly door: string,
    private readonly object: BucketObject,
    private readonly name: string,
  ) {}

  /** Looks at an object; nothing where it cannot be read before all of it is here. Throws where there is none. */
  static async open(name: string, settings: RangedSettings, signal: AbortSignal): Promise<RangedObject | undefined> {
    // For this user alone, as mkdtemp makes it.
    const folder = mkdtempSync(join(tmpdir(), 'salvor-s3-'))
    const door = join(folder, 'door')
    const counts = new BigInt64Array(new SharedArrayBuffer(8 * Object.keys(COUNTS).length))
    const workerData: BringerData = { name, settings, door, counts }
    const worker = new Worker(fileURLToPath(new URL('bringer.cjs', bundle)), { workerData })
    const looked = await answerOf(worker, signal)
    if (looked.kind === 'ready') {
      // What is left of it does not keep the process.
      worker.unref()
      return new RangedObject(worker, folder, counts, looked.path, door, looked.object, name)
    }
    await worker.terminate()
    rmSync(folder, { recursive: true, force: true })
    if (looked.kind === 'failed') throw fromFailure(looked.failure)
    return undefined
  }

  /** What is on record of the object: nobody has read all of it, so that it has no hash. */
  get file(): EvidenceFileRecord {
    const { bytes, modified, etag } = this.object
    const record = { path: this.name, bytes, sha256: null, modified: isoTime(modified) ?? String(modified) }
    return { ...record, etag, fetched: this.brought.bytes, ...recordOf(this.object) }
  }

  /** Whether something could not be brought. */
  get broken(): boolean {
    return Atomics.load(this.counts, COUNTS.failures) > 0n
  }

  get brought(): Brought {
    const [bytes, requests] = [Atomics.load(this.counts, COUNTS.bytes), Atomics.load(this.counts, COUNTS.requests)]
    return { bytes: Number(bytes), of: this.object.bytes, requests: Number(requests) }
  }

  /** Once the core has come in by the door, nobody else may. */
  seal(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  async close(): Promise<void> {
    this.seal()
    await this.worker.terminate()
  }
}

function answerOf(worker: Worker, signal: AbortSignal): Promise<Looked> {
  return new Promise((resolve) => {
    const fail = (failure: Failure): void => resolve({ kind: 'failed', failure })
    const stop = (): void => fail({ code: 'INTERRUPTED', message: 'interrupted' })
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    worker.once('message', resolve)
    // It stays heard: an error that nobody hears ends the process, and the core says itself that nothing comes any more.
    worker.on('error', (error) =>
      fail({
        code: 'INTERNAL',
        message: `what brings images here ended: ${error instanceof Error ? error.message : error}`,
      }),
    )
    worker.once('exit', () => fail({ code: 'INTERNAL', message: 'what brings images here ended' }))
  })
}
