/** Images that are no files here, on their way to the engine. */

import type { ChecksumRecord, HashedFileRecord } from '../case/manifest.js'
import { SalvorError } from '../engine/errors.js'
import { isoTime } from '../iso-time.js'
import { require } from '../require.js'
import { isObjectName } from './names.js'
import type { Bucket, BucketObject, BucketSettings } from './s3/bucket.js'
import { isMissing } from './s3/errors.js'
import { recordOf } from './s3/object.js'
import type { RangedObject } from './s3/ranged.js'
import { type Spooled, type SpoolSettings, spool } from './spool.js'
import { standardInput } from './standard-input.js'

export interface IntakeSettings extends SpoolSettings {
  /** Of a server that is no AWS. */
  readonly endpoint?: string
}

export type Arrival = (done: number, total: number) => void

/** An image that is here. */
export interface Received {
  readonly path: string
  /** As it was where it came from, under the name that it has there. */
  readonly file: HashedFileRecord
}

/** What a run has brought here, each image once. */
export class Intake {
  private readonly received = new Map<string, Promise<Received & Spooled>>()
  private readonly ranged = new Set<RangedObject>()

  constructor(
    private readonly settings: IntakeSettings,
    private readonly signal: AbortSignal,
  ) {}

  /** Brings an image here, unless it is. Throws where it cannot be had whole. */
  receive(name: string, arrival: Arrival = () => {}): Promise<Received> {
    const known = this.received.get(name)
    if (known !== undefined) return known
    const receiving = isObjectName(name) ? this.object(name, arrival) : this.piped(name, arrival)
    this.received.set(name, receiving)
    return receiving
  }

  /** The same where not all of an object has to be here: of one that has memory in it as it is, what is read comes then. */
  async reach(name: string, arrival: Arrival = () => {}): Promise<Received | RangedObject> {
    if (this.received.has(name) || !isObjectName(name)) return this.receive(name, arrival)
    const { RangedObject } = await import('./s3/ranged.js')
    const object = await RangedObject.open(name, this.settings, this.signal)
    if (object === undefined) return this.receive(name, arrival)
    this.ranged.add(object)
    return object
  }

  /** Lets go of an image, or of all: their files are gone then. */
  async release(name?: string): Promise<void> {
    if (name === undefined) await Promise.all([...this.ranged].map((object) => object.close()))
    const names = name === undefined ? [...this.received.keys()] : [name]
    for (const one of names) {
      const received = await this.received.get(one)?.catch(() => undefined)
      this.received.delete(one)
      await received?.close()
    }
  }

  private async piped(name: string, arrival: Arrival): Promise<Received & Spooled> {
    const stream = standardInput(this.signal)
    // Nobody knows how much will come.
    const advance = (done: number): void => arrival(done, this.settings.limit)
    const spooled = await spool('standard input', stream, this.settings, { signal: this.signal, advance }).catch(
      (error) => {
        // Who writes into it would wait for ever.
        process.stdin.destroy()
        throw error
      },
    )
    if (spooled.bytes > 0) return withRecord(spooled, name, BigInt(Date.now()) * 1_000_000n)
    await spooled.close()
    throw new SalvorError('EVIDENCE', 'standard input: it ended before a single byte; did what writes into it fail?')
  }

  private async object(name: string, arrival: Arrival): Promise<Received & Spooled> {
    const { Bucket } = await import('./s3/bucket.js')
    const bucket = Bucket.open(this.settings, this.signal)
    try {
      const object = await bucket.look(name)
      const spooled = await spool(name, bucket.bytes(object), this.settings, {
        signal: this.signal,
        expected: object.bytes,
        advance: (done) => arrival(done, object.bytes),
      })
      const received = withRecord(spooled, name, object.modified)
      const { checksum } = object
      if (isItself(spooled.sha256, checksum)) return { ...received, file: { ...received.file, ...recordOf(object) } }
      await spooled.close()
      throw new SalvorError(
        'EVIDENCE',
        `${name}: its SHA-256 is ${spooled.sha256}, and its server has ${checksum?.value} (base64) on record: it was damaged ` +
          'on the way or where it is kept',
      )
    } finally {
      bucket.close()
    }
  }
}

/** Whether a hash is that which a server has, as far as it has one of the whole content. */
function isItself(sha256: string, checksum: ChecksumRecord | undefined): boolean {
  if (checksum?.algorithm !== 'SHA256' || checksum.of !== 'object') return true
  return Buffer.from(sha256, 'hex').toString('base64') === checksum.value
}

function withRecord(spooled: Spooled, name: string, modified: bigint): Received & Spooled {
  const { bytes, sha256 } = spooled
  return { ...spooled, file: { path: name, bytes, sha256, modified: isoTime(modified) ?? String(modified) } }
}

/** An object, or one version of it, that is on record. */
export interface OnRecord {
  readonly path: string
  readonly version?: string
}

/** SHA-256 of an object on record as it is now, read once; null where it is not there any more. */
export function hashObject(on: OnRecord, settings: BucketSettings, signal: AbortSignal): Promise<string | null> {
  const { createHash } = require('node:crypto') as typeof import('node:crypto')
  return ofObject(on, settings, signal, async (bucket, object) => {
    const hash = createHash('sha256')
    for await (const piece of bucket.bytes(object)) hash.update(piece)
    return hash.digest('hex')
  })
}

/** What the server says of an object on record as it is now; null where it is not there any more. */
export function lookAtObject(
  on: OnRecord,
  settings: BucketSettings,
  signal: AbortSignal,
): Promise<BucketObject | null> {
  return ofObject(on, settings, signal, async (_bucket, object) => object)
}

async function ofObject<T>(
  { path, version }: OnRecord,
  settings: BucketSettings,
  signal: AbortSignal,
  ask: (bucket: Bucket, object: BucketObject) => Promise<T>,
): Promise<T | null> {
  const { Bucket } = await import('./s3/bucket.js')
  const bucket = Bucket.open(settings, signal)
  try {
    return await ask(bucket, await bucket.lookAgain(path, version))
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  } finally {
    bucket.close()
  }
}
