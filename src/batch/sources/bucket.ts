import { isObjectName, nameOfObject, type ObjectName, objectName } from '../../intake/names.js'
import type { BucketObject } from '../../intake/s3/bucket.js'
import { pathFits } from '../../path-pattern.js'
import { isAside } from './folder.js'
import type { NamedImage, Reach, SourceKind } from './source.js'

/** An object as a source names it. */
export function imageOf(object: BucketObject): NamedImage {
  const { bytes, modified, etag } = object
  return { path: nameOfObject(object), version: { bytes, modified, etag } }
}

/** Whether an object is called like one that holds memory. */
export function isImage({ key, bytes }: BucketObject): boolean {
  const name = key.slice(key.lastIndexOf('/') + 1)
  return bytes > 0 && name !== '' && !name.startsWith('.') && !isAside(name)
}

/** What of a listing a name means: the object that is called so, what a pattern fits, or what lies below. */
function meant({ key }: ObjectName, listed: readonly BucketObject[]): readonly BucketObject[] {
  const exact = listed.filter((object) => object.key === key)
  if (exact.length > 0) return exact
  const images = listed.filter(isImage)
  return /[*?]/.test(key) ? images.filter((object) => pathFits(`/${key}`, `/${object.key}`)) : images
}

async function imagesOf(word: string, { intake, signal }: Reach): Promise<readonly NamedImage[]> {
  const { Bucket } = await import('../../intake/s3/bucket.js')
  const bucket = Bucket.open(intake, signal)
  const name = objectName(word)
  try {
    const prefix = name.key.replace(/[*?].*$/s, '')
    return meant(name, await bucket.list({ ...name, key: prefix })).map(imageOf)
  } catch (error) {
    // Who may read one object need not be allowed to list any.
    const object = name.key === '' ? undefined : await bucket.look(word).catch(() => undefined)
    if (object === undefined) throw error
    return [imageOf(object)]
  } finally {
    bucket.close()
  }
}

/** `s3://BUCKET/KEY`, all objects below `s3://BUCKET/PREFIX`, or those that a pattern fits. */
export const bucketSource: SourceKind = {
  fits: (word) => isObjectName(word),
  images: (word, _directory, _seen, { reach }) => imagesOf(word, reach),
}
