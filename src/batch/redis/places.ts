/** What is called how in a place for results, and which kinds of places there are. */

import { isObjectName } from '../../intake/names.js'
import type { BucketSettings } from '../../intake/s3/bucket.js'
import { BucketPlace } from './bucket-place.js'
import { type Place, SharedFolder } from './place.js'
import type { BatchId } from './queued.js'

const RESULT = '.result'

export function resultName(id: string): string {
  return `${id}${RESULT}`
}

/** The id of the job whose result a file is. */
export function resultOf(name: string): string | undefined {
  return name.endsWith(RESULT) ? name.slice(0, -RESULT.length) : undefined
}

export function settingsName(hash: string): string {
  return `${hash}.settings`
}

export function openPlace(root: string, batch: BatchId, settings: BucketSettings): Place {
  return isObjectName(root) ? new BucketPlace(root, batch, settings) : new SharedFolder(root, batch)
}
