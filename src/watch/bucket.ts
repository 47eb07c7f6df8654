import { MANIFEST_ENDING, MOST_BYTES } from '../acquire/manifest.js'
import { imageOf, isImage } from '../batch/sources/bucket.js'
import { toFailure } from '../engine/errors.js'
import { nameOfObject, objectName } from '../intake/names.js'
import type { Bucket, BucketObject } from '../intake/s3/bucket.js'
import type { WatchedPlace } from './place.js'

function version({ bytes, modified, etag }: BucketObject): string {
  return [bytes, modified, etag].join()
}

/** What lies below a prefix of a bucket. */
export function watchedBucket(word: string, bucket: Bucket): WatchedPlace {
  const name = objectName(word)
  /** Manifests that were read, by what they are now: they are not fetched again for each look. */
  let known = new Map<string, string>()

  async function read(objects: readonly BucketObject[]): Promise<{ texts: Map<string, string>; troubles: string[] }> {
    const texts = new Map<string, string>()
    const troubles: string[] = []
    const now = new Map<string, string>()
    for (const object of objects) {
      if (!object.key.endsWith(MANIFEST_ENDING) || object.bytes === 0 || object.bytes > MOST_BYTES) continue
      const id = `${object.key}\0${version(object)}`
      const text = known.get(id) ?? (await textOf(object, troubles))
      if (text === undefined) continue
      now.set(id, text)
      texts.set(nameOfObject(object), text)
    }
    known = now
    return { texts, troubles }
  }

  async function textOf(object: BucketObject, troubles: string[]): Promise<string | undefined> {
    try {
      return Buffer.from(await bucket.part(object, 0, object.bytes)).toString('utf8')
    } catch (error) {
      troubles.push(toFailure(error).message)
      return undefined
    }
  }

  return {
    beside: (path, other) => path.slice(0, path.lastIndexOf('/') + 1) + other,
    look: async () => {
      try {
        const objects = await bucket.list(name)
        const { texts, troubles } = await read(objects)
        const files = objects.filter(isImage).map((object) => {
          return { image: imageOf(object), bytes: object.bytes, version: version(object) }
        })
        return { files, manifests: texts, troubles }
      } catch (error) {
        return { files: [], manifests: new Map(), troubles: [toFailure(error).message], isAway: true }
      }
    },
  }
}
