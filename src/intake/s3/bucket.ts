/** Objects of buckets, by the library that all who use S3 have their credentials from: environment, profile, role. */

import { createReadStream, statSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GetObjectCommandOutput, HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3'
import { SalvorError } from '../../engine/errors.js'
import { require } from '../../require.js'
import { nameOfObject, type ObjectName, objectName } from '../names.js'
import { isDenied, isFinal, isRefused, s3Failure } from './errors.js'
import { type BucketObject, checksumOf, nanoseconds, notAsAsked, sameAs } from './object.js'

export type { BucketObject } from './object.js'

export interface BucketSettings {
  /** Of a server that is no AWS. */
  readonly endpoint?: string
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

  /** What an object is now, or what one version of it is. Throws where there is none, or it may not be read. */
  async look(name: string, version?: string): Promise<BucketObject> {
    const { bucket, key } = objectName(name)
    if (key === '' || key.endsWith('/'))
      throw new SalvorError('USAGE', `${name} is no object but a prefix: salvor batch and salvor watch take those`)
    const of = version === undefined ? {} : { VersionId: version }
    // The answer to HEAD has no body, and so no reason.
    const asked = await this.ask(name, () => this.get({ bucket, key }, { Range: 'bytes=0-0', ...of }))
    asked.Body?.transformToByteArray().catch(() => {})
    const total = /\/(\d+)$/.exec(asked.ContentRange ?? '')?.[1] ?? asked.ContentLength
    const object = {
      bucket,
      key,
      bytes: Number(total ?? 0),
      etag: asked.ETag ?? '',
      modified: nanoseconds(asked.LastModified),
    }
    return { ...object, ...(await this.identify(object, asked.VersionId)) }
  }

  /** The version of an object that is on record, or what has its name now where it had none or that may not be asked for. */
  async lookAgain(name: string, version: string | undefined): Promise<BucketObject> {
    if (version === undefined) return this.look(name)
    try {
      return await this.look(name, version)
    } catch (error) {
      if (!isDenied(error)) throw error
      return this.look(name)
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

  /** Which version of an object was given, and whether it can be asked for; and the checksum that its server has of it. */
  private async identify(
    object: BucketObject,
    told: string | undefined,
  ): Promise<Pick<BucketObject, 'version' | 'pinned' | 'checksum'>> {
    // What was put into a bucket without versions is called null, and so is what comes in its place.
    const version = told === '' || told === 'null' ? undefined : told
    // Who may read objects (s3:GetObject) need not have the right to name their versions (s3:GetObjectVersion).
    const pinned = version === undefined ? undefined : await this.head(object, version)
    const checksum = checksumOf(pinned ?? (await this.head(object)))
    return {
      ...(version === undefined ? {} : { version }),
      ...(pinned === undefined ? {} : { pinned: true }),
      ...(checksum === undefined ? {} : { checksum }),
    }
  }

  /** What a server says of an object without giving it; nothing where it does not, or has another by now. */
  private async head(object: BucketObject, version?: string): Promise<HeadObjectCommandOutput | undefined> {
    const { bucket, key, etag } = object
    const of = version === undefined ? {} : { VersionId: version }
    const command = new this.library.HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED', ...of })
    try {
      const found = await this.client.send(command, { abortSignal: this.signal })
      return found.ETag === etag ? found : undefined
    } catch (error) {
      this.refuseInterrupted()
      if (isRefused(error)) return undefined
      throw s3Failure(nameOfObject(object), error)
    }
  }

  private get(
    { bucket, key }: ObjectName,
    more: { readonly Range?: string; readonly IfMatch?: string; readonly VersionId?: string },
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
