import type { EvidenceFileRecord } from '../case/manifest.js'
import { SalvorError, toFailure } from '../engine/errors.js'

/** What came here of an image that is elsewhere. */
export interface Brought {
  readonly bytes: number
  /** Bytes that it has. */
  readonly of: number
  readonly requests: number
}

/** An image of which only what is read is brought. */
export interface RangedImage {
  readonly brought: Brought
  /** As it is on record by now. */
  readonly file: EvidenceFileRecord
  /** Whether something could not be brought, so that what was made of it is no result. */
  readonly broken: boolean
}

/** Why an image that is elsewhere was not opened. */
export class NotOpened extends SalvorError {
  constructor(
    error: unknown,
    /** What is on record of it; null where it could not be had, which says nothing of it. */
    readonly file: EvidenceFileRecord | null,
  ) {
    const { code, message } = toFailure(error)
    super(code, message, { cause: error })
  }
}

const MIB = 2 ** 20

/** One line about it for people. */
export function broughtLine({ bytes, of, requests }: Brought): string {
  const mebibytes = (count: number): string => (count / MIB).toFixed(1)
  return `${mebibytes(bytes)} of ${mebibytes(of)} MiB were fetched, by ${requests} requests; nobody has hashed it`
}
