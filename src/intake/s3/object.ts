/** By what an object of a bucket is known, and how a server is held to it. */

import type { GetObjectCommandOutput, HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import type { ChecksumRecord, EvidenceFileRecord } from '../../case/manifest.js'
import type { ObjectName } from '../names.js'
import { CHANGED, NO_RANGES } from './errors.js'

/** An object as it is now: what is read of it later is of this one, or an error. */
export interface BucketObject extends ObjectName {
  readonly bytes: number
  readonly etag: string
  /** Nanoseconds since 1970. */
  readonly modified: bigint
  /** Which version it is, in a bucket that keeps them. */
  readonly version?: string
  /** That version is asked for: what is put in its place does not disturb. */
  readonly pinned?: true
  /** What the server has computed of its content, or checked when it came. */
  readonly checksum?: ChecksumRecord
}

/** What makes the server refuse to give another object than the one that was looked at. */
export function sameAs({ etag, version, pinned }: BucketObject): { IfMatch?: string; VersionId?: string } {
  return {
    ...(etag === '' ? {} : { IfMatch: etag }),
    ...(pinned === true && version !== undefined ? { VersionId: version } : {}),
  }
}

/** What an answer has against itself: not every server knows conditions and ranges. */
export function notAsAsked(
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

/** The strongest first: a server has one of an object, seldom two. */
const ALGORITHMS = ['SHA256', 'SHA1', 'CRC64NVME', 'CRC32C', 'CRC32'] as const

/**
 * The checksum of an answer to HeadObject (`x-amz-checksum-*`). Of an object that was uploaded in parts it may be of the parts'
 * checksums and not of the content: COMPOSITE.
 */
export function checksumOf(answer: HeadObjectCommandOutput | undefined): ChecksumRecord | undefined {
  for (const algorithm of ALGORITHMS) {
    const value = answer?.[`Checksum${algorithm}`]
    if (value === undefined || value === '') continue
    // Servers that do not say it mark those of parts by how many these are.
    const composite = answer?.ChecksumType === 'COMPOSITE' || /-\d+$/.test(value)
    return { algorithm, value, of: composite ? 'parts' : 'object' }
  }
  return undefined
}

/** What of it goes on record, beside what a file has. */
export function recordOf({ version, checksum }: BucketObject): Pick<EvidenceFileRecord, 'version' | 'checksum'> {
  return { ...(version === undefined ? {} : { version }), ...(checksum === undefined ? {} : { checksum }) }
}

export function nanoseconds(time: Date | undefined): bigint {
  return BigInt(time?.getTime() ?? 0) * 1_000_000n
}
