/** Objects of buckets, by the library that all who use S3 have their credentials from: environment, profile, role. */

import { createReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3'
import { SalvorError } from '../../engine/errors.js'
import { require } from '../../require.js'
import { nameOfObject, type ObjectName, objectName } from '../names.js'
import { CHANGED, isFinal, NO_RANGES, s3Failure } from './errors.js'

export interface BucketSettings {
  /** Of a server that is no AWS. */
  readonly endpoint?: string
}

/** An object as it is now: what is read of it later is of this one, or an error. */
export interface BucketObject extends ObjectName {
  readonly bytes: number
  readonly etag: string
  /** Nanoseconds since 1970. */
  readonly modified: bigint
}

/** Requests that fail for no lasting reason are made again, by the library and, in the middle of an object, here. */
const MOST_ATTEMPTS = 5
const FIRST_PAUSE = 200
const CONNECT_MILLISECONDS = 5_000
/** Without a byte. */
const SILENCE_MILLISECONDS = 60_000
/** More than a prefix of images has. */
const MOST_OBJECTS = 1_000_000

type Library = typeof import('@aws-sdk/client-s3')

function makeClient({ S3Client }: Library, { endpoint }: BucketSettings): S3Client {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE } = process.env
  const other = endpoint ?? AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL
  return new S3Client({
    // Servers of one's own have no name for each bucket, and most do not care for the region.
    ...(other === undefined ? {} : { endpoint: other, forcePathStyle: true }),
    ...(AWS_REGION === undefined && AWS_PROFILE === undefined && other !== undefined ? { region: 'us-east-1' } : {}),
    followRegionRedirects: true,
    maxAttempts: MOST_ATTEMPTS,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_MILLISECONDS, socketTimeout: SILENCE_MILLISECONDS },
  })
}

export class Bucket {
  private constructor(
    private readonly library: Library,
    private readonly client: S3Client,
    private readonly signal: AbortSignal,
  ) {}

  static open(settings: BucketSettings, signal: AbortSignal): Bucket {
    // Few need it, and it takes longer to load than a short run.
    // It would warn of what the versions after this one need.
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
    const library = require('@aws-sdk/client-s3') as Library
    return new Bucket(library, makeClient(library, settings), signal)
  }

  /** What an object is now. Throws where there is none, or it may not be read. */
  async look(name: string): Promise<BucketObject> {
    const { bucket, key } = objectName(name)
    if (key === '' || key.endsWith('/'))
      throw new SalvorError('USAGE', `${name} is no object but a prefix: salvor batch and salvor watch take those`)
    // The answer to HEAD has no body, and so no reason.
    const asked = await this.ask(name, () => this.get({ bucket, key }, { Range: 'bytes=0-0' }))
    asked.Body?.transformToByteArray().catch(() => {})
    const total = /\/(\d+)$/.exec(asked.ContentRange ?? '')?.[1] ?? asked.ContentLength
    return {
      bucket,
      key,
      bytes: Number(total ?? 0),
      etag: asked.ETag ?? '',
      modified: nanoseconds(asked.LastModified),
    }
  }

  /** The objects below a prefix, in the order of their keys. */
  async list({ bucket, key: prefix }: ObjectName): Promise<BucketObject[]> {
    const found: BucketObject[] = []
    let token: string | undefined
    do {
      const page = await this.ask(nameOfObject({ bucket, key: prefix }), () =>
        this.client.send(
          new this.library.ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
          { abortSignal: this.signal },
        ),
      )
      for (const { Key, Size, ETag, LastModified } of page.Contents ?? [])
        if (Key !== undefined)
          found.push({ bucket, key: Key, bytes: Size ?? 0, etag: ETag ?? '', modified: nanoseconds(LastModified) })
      token = page.IsTruncated ? page.NextContinuationToken : undefined
      if (found.length > MOST_OBJECTS)
        throw new SalvorError(
          'LIMIT',
          `s3://${bucket}/${prefix}: more than ${MOST_OBJECTS} objects: name a longer prefix`,
        )
    } while (token !== undefined)
    return found
  }

  /** The whole of an object, in order; what breaks off is gone on with where it did. */
  async *bytes(object: BucketObject): AsyncGenerator<Uint8Array> {
    let at = 0
    for (let failures = 0; at < object.bytes; ) {
      try {
        for await (const piece of await this.from(object, at)) {
          yield piece
          at += piece.length
          failures = 0
        }
        if (at < object.bytes) throw new Error(`the server ended it at ${at} of ${object.bytes} bytes`)
      } catch (error) {
        await this.beforeAgain(nameOfObject(object), error, ++failures)
      }
    }
  }

  /** A part of an object, held in memory. */
  part(object: BucketObject, from: number, to: number): Promise<Uint8Array> {
    const range = `bytes=${from}-${to - 1}`
    return this.persist(`${nameOfObject(object)}, bytes ${from} to ${to - 1}`, async () => {
      const answer = await this.get(object, { Range: range, ...sameAs(object) })
      const wrong = notAsAsked(answer, object, to - from)
      if (wrong !== undefined) {
        // It may be all of the object.
        ;(answer.Body as unknown as Readable | undefined)?.destroy()
        throw wrong
      }
      const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array()
      if (bytes.length === to - from) return bytes
      throw new Error(`the server gave ${bytes.length} of ${to - from} bytes`)
    })
  }

  /** Makes an object of a file, in the place of what is called so; of up to 5 GiB, which is what S3 takes at once. */
  put(name: string, file: string): Promise<void> {
    const { bucket, key } = objectName(name)
    return this.persist(name, async () => {
      const body = { Body: createReadStream(file), ContentLength: statSync(file).size }
      const command = new this.library.PutObjectCommand({ Bucket: bucket, Key: key, ...body })
      await this.client.send(command, { abortSignal: this.signal })
    })
  }

  /** Takes an object away, if it is there. */
  remove(name: string): Promise<void> {
    const { bucket, key } = objectName(name)
    return this.persist(name, async () => {
      const command = new this.library.DeleteObjectCommand({ Bucket: bucket, Key: key })
      await this.client.send(command, { abortSignal: this.signal })
    })
  }

  /** Asks again what failed for no lasting reason. */
  private async persist<T>(name: string, request: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; ) {
      try {
        return await request()
      } catch (error) {
        await this.beforeAgain(name, error, ++failures)
      }
    }
  }

  close(): void {
    this.client.destroy()
  }

  private async from(object: BucketObject, at: number): Promise<AsyncIterable<Uint8Array>> {
    const range = at === 0 ? {} : { Range: `bytes=${at}-` }
    const { Body } = await this.get(object, { ...range, ...sameAs(object) })
    return Body as unknown as AsyncIterable<Uint8Array>
  }

  private get(
    { bucket, key }: ObjectName,
    more: { readonly Range?: string; readonly IfMatch?: string },
  ): Promise<GetObjectCommandOutput> {
    const command = new this.library.GetObjectCommand({ Bucket: bucket, Key: key, ...more })
    return this.client.send(command, { abortSignal: this.signal })
  }

  /** Waits before something is tried again. Throws where that would not help, or was tried often enough. */
  private async beforeAgain(name: string, error: unknown, failures: number): Promise<void> {
    this.refuseInterrupted()
    if (isFinal(error) || failures >= MOST_ATTEMPTS) throw s3Failure(name, error)
    await sleep(FIRST_PAUSE * 2 ** failures, undefined, { signal: this.signal }).catch(() => {})
  }

  private async ask<T>(name: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request()
    } catch (error) {
      this.refuseInterrupted()
      throw s3Failure(name, error)
    }
  }

  private refuseInterrupted(): void {
    if (this.signal.aborted) throw new SalvorError('INTERRUPTED', 'interrupted')
  }
}

/** What makes the server refuse to give another object than the one that was looked at. */
function sameAs({ etag }: BucketObject): { IfMatch?: string } {
  return etag === '' ? {} : { IfMatch: etag }
}

/** What an answer has against itself: not every server knows conditions and ranges. */
function notAsAsked(
  { ETag = '', ContentLength }: GetObjectCommandOutput,
  object: BucketObject,
  bytes: number,
): Error | undefined {
  if (ETag !== object.etag)
    return Object.assign(new Error(`its ETag is ${ETag}, and was ${object.etag}`), { name: CHANGED })
  if (ContentLength !== undefined && ContentLength > bytes)
    return Object.assign(new Error(`${ContentLength} bytes for the ${bytes} that were asked for`), { name: NO_RANGES })
  return undefined
}

function nanoseconds(time: Date | undefined): bigint {
  return BigInt(time?.getTime() ?? 0) * 1_000_000n
}
