/** What is brought of an object: by few requests at a time, into its place in a file, up to a limit. */

import { writeSync } from 'node:fs'
import { SalvorError } from '../../engine/errors.js'
import { nameOfObject as nameOf } from '../names.js'
import { checkRoom, gibibytes, isZero, spoolFailure } from '../spool.js'
import type { Bucket, BucketObject } from './bucket.js'
import { COUNTS, type RangedSettings } from './ranged.js'

/** What one request is for at most: a server gives several at a time sooner than one after the other. */
const PART = 4 << 20
/** Requests at a time for what the core asks for at once. */
const LANES = 2
/** Bytes that are written between two looks at how full the disk is. */
const STRETCH = 64 << 20

export class Pieces {
  private unchecked = 0

  constructor(
    private readonly bucket: Bucket,
    private readonly object: BucketObject,
    private readonly settings: RangedSettings,
    private readonly descriptor: number,
    /** See `COUNTS`. */
    private readonly counts: BigInt64Array,
  ) {}

  /**
   * Brings a part, and what lies behind it and is welcome, unless only the part is within the limit. Answers how many bytes.
   * Throws where they cannot be had whole; what of them is there then is no part of the image.
   */
  async bring(from: number, needed: number, welcome: number): Promise<number> {
    try {
      const length = this.isWithin(welcome) ? welcome : needed
      await this.all(from, length)
      return length
    } catch (error) {
      Atomics.add(this.counts, COUNTS.failures, 1n)
      throw error
    }
  }

  private async all(from: number, length: number): Promise<void> {
    const { bytes } = this.object
    if (from + length > bytes) throw new SalvorError('EVIDENCE', `${nameOf(this.object)} has only ${bytes} bytes`)
    this.count(length)
    let next = from
    const lane = async (): Promise<void> => {
      while (next < from + length) {
        const at = next
        next = Math.min(at + PART, from + length)
        await this.part(at, next)
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
  }

  private isWithin(length: number): boolean {
    return Atomics.load(this.counts, COUNTS.bytes) + BigInt(length) <= BigInt(this.settings.limit)
  }

  /** Counts before anything is fetched, so that several at a time do not go over the limit together. */
  private count(length: number): void {
    const { limit } = this.settings
    if (Atomics.add(this.counts, COUNTS.bytes, BigInt(length)) + BigInt(length) <= BigInt(limit)) return
    Atomics.sub(this.counts, COUNTS.bytes, BigInt(length))
    const all = `the ${gibibytes(limit)} that --spool-limit allows`
    throw new SalvorError(
      'LIMIT',
      `${nameOf(this.object)}: more than ${all} would be fetched of its ${this.object.bytes} bytes: allow more, or ask for fewer tables`,
    )
  }

  private async part(from: number, to: number): Promise<void> {
    Atomics.add(this.counts, COUNTS.requests, 1n)
    const bytes = await this.bucket.part(this.object, from, to)
    // Memory is full of zeros: they are left as holes.
    if (isZero(bytes)) return
    const { folder } = this.settings
    try {
      this.unchecked += bytes.length
      if (this.unchecked >= STRETCH) {
        this.unchecked = 0
        await checkRoom(nameOf(this.object), folder, 0)
      }
      // At once: a write by the system's threads would wait for these, and so for whoever else has them.
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.descriptor, bytes, done, bytes.length - done, from + done)
    } catch (error) {
      throw spoolFailure(nameOf(this.object), folder, error)
    }
  }
}
