/** The thread that brings what is read of an object. It calls the core for one look at a header, and never waits for it. */

import { closeSync, ftruncateSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { SalvorError, toFailure } from '../../engine/errors.js'
import { native } from '../../kernel/native.js'
import { checkRoom, spoolFailure, unnamedFile } from '../spool.js'
import { Bucket, type BucketObject } from './bucket.js'
import { openDoor } from './door.js'
import { isWithoutRanges } from './errors.js'
import { Pieces } from './pieces.js'
import type { BringerData, Looked } from './ranged.js'

const { name, settings, door, counts } = workerData as BringerData

/** Never aborted: who wants it to stop ends the thread. */
const { signal } = new AbortController()

/** Whether parts of it can be had of one and the same object, and make sense without the others. */
async function isReadable(bucket: Bucket, object: BucketObject): Promise<boolean> {
  if (object.bytes === 0) throw new SalvorError('EVIDENCE', `${name}: the file is empty`)
  // Nothing else tells for sure that an object is the one that it was.
  if (object.etag === '') return false
  try {
    return native.isPlain(await bucket.part(object, 0, Math.min(native.headBytes(), object.bytes)))
  } catch (error) {
    if (isWithoutRanges(error)) return false
    throw error
  }
}

async function look(): Promise<Looked> {
  const bucket = Bucket.open(settings, signal)
  const object = await bucket.look(name)
  if (!(await isReadable(bucket, object))) return { kind: 'whole' }
  const { folder } = settings
  let descriptor: number | undefined
  try {
    descriptor = unnamedFile(folder)
    await checkRoom(name, folder, 0)
    ftruncateSync(descriptor, object.bytes)
    const pieces = new Pieces(bucket, object, settings, descriptor, counts)
    await openDoor(door, (from, needed, welcome) => pieces.bring(from, needed, welcome))
    return { kind: 'ready', path: `/proc/self/fd/${descriptor}`, object }
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor)
    throw spoolFailure(name, folder, error)
  }
}

const failed = (error: unknown): Looked => ({ kind: 'failed', failure: toFailure(error) })
void look()
  .catch(failed)
  .then((looked) => parentPort?.postMessage(looked))
