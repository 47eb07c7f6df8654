import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { nameOfObject, objectName } from '../../intake/names.js'
import { Bucket, type BucketSettings } from '../../intake/s3/bucket.js'
import { isChanged, isMissing, isMissingBucket } from '../../intake/s3/errors.js'
import type { Place, PlaceState } from './place.js'
import type { BatchId } from './queued.js'

/** The object that is there as long as somebody waits for results. */
const MARKER = 'open'
const MOST_READS = 5

/** Below a prefix of a bucket: an object is there whole or not at all, and whoever looks next sees it. */
export class BucketPlace implements Place {
  private readonly bucket: Bucket
  private readonly prefix: string

  constructor(root: string, batch: BatchId, settings: BucketSettings) {
    const { bucket, key } = objectName(root)
    // What is begun is brought to its end, whoever is told to stop.
    this.bucket = Bucket.open(settings, new AbortController().signal)
    this.prefix = nameOfObject({ bucket, key: `${key.replace(/\/*$/, key === '' ? '' : '/')}salvor-${batch}/` })
  }

  async open(): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'salvor-place-'))
    try {
      const file = join(folder, MARKER)
      writeFileSync(file, 'salvor waits for results here; they are taken away when they are in the case\n')
      await this.bucket.put(this.name(MARKER), file)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  async state(): Promise<PlaceState> {
    try {
      await this.bucket.look(this.name(MARKER))
      return 'open'
    } catch (error) {
      if (isMissingBucket(error)) return 'away'
      if (isMissing(error)) return 'over'
      throw error
    }
  }

  async names(): Promise<readonly string[]> {
    const { key } = objectName(this.prefix)
    return (await this.bucket.list(objectName(this.prefix))).map((object) => object.key.slice(key.length))
  }

  async has(name: string): Promise<boolean> {
    try {
      await this.bucket.look(this.name(name))
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }

  async put(name: string, file: string): Promise<boolean> {
    if ((await this.state()) === 'over') return false
    await this.bucket.put(this.name(name), file)
    // A batch that ended meanwhile may have looked for what is left before this was there.
    if ((await this.state()) !== 'over') return true
    await this.remove(name)
    return false
  }

  async get(name: string, file: string): Promise<boolean> {
    for (let reads = 1; ; reads++) {
      try {
        const object = await this.bucket.look(this.name(name))
        await pipeline(Readable.from(this.bucket.bytes(object)), createWriteStream(file))
        return true
      } catch (error) {
        if (isMissing(error)) return false
        // Somebody who had done the same job has put the same result there.
        if (!isChanged(error) || reads >= MOST_READS) throw error
      }
    }
  }

  async remove(name: string): Promise<void> {
    await this.bucket.remove(this.name(name))
  }

  async close(): Promise<void> {
    await this.remove(MARKER)
    for (const name of await this.names()) await this.remove(name)
  }

  private name(name: string): string {
    return this.prefix + name
  }
}
