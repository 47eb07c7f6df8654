/** What is on record of one image's analysis. Each manifest names the hash of the one before it. */

import type { OptionsData } from '../api/options.js'
import { isNote } from '../engine/warnings.js'
import type { Warning } from '../warning.js'

/** A file of the evidence: the image, or a part of a dump that was split. */
export interface EvidenceFileRecord {
  readonly path: string
  readonly bytes: number
  /** Null of an object of which only what was read was fetched. */
  readonly sha256: string | null
  /** When it was last written, ISO 8601: for an image that was not copied, when acquisition ended. */
  readonly modified: string
  /** What its server says of the content of an object that was not hashed, and how many bytes were fetched of it. */
  readonly etag?: string
  readonly fetched?: number
  /** Which version of an object it was, in a bucket that keeps them. */
  readonly version?: string
  /** What the object's server has on record of its content. */
  readonly checksum?: ChecksumRecord
}

/** A checksum that an S3 server keeps with an object, as it gives it: base64, and for one of parts how many there are. */
export interface ChecksumRecord {
  readonly algorithm: string
  readonly value: string
  /** Of the whole content, or of the checksums of the parts in which it was uploaded. */
  readonly of: 'object' | 'parts'
}

/** One that was read from its beginning to its end. */
export interface HashedFileRecord extends EvidenceFileRecord {
  readonly sha256: string
}

export interface TableRecord {
  readonly table: string
  readonly options?: OptionsData
  /** In the order in which a row has them. */
  readonly columns: readonly string[]
  readonly rows: number
  /** Of the rows as they are handed over (src/case/rows-file.ts), from which they can be made anew. */
  readonly sha256: string
  readonly failed?: string
}

/** How a job ended, in the words of the record; `failed` is final, `lost` is tried again. */
export type State = 'complete' | 'partial' | 'limited' | 'failed' | 'lost'

export interface KernelRecord {
  readonly format: string
  readonly architecture: string
  readonly release: string
  readonly banner: string
  readonly build_id: string | null
  readonly hostname: string | null
  readonly boot_time: string | null
}

/** What an analysis has to say of itself; of a failed one there is no kernel and no table. */
export interface ImageRecord {
  /** The whole job: hash of evidence, version, options and analyzers. */
  readonly job: string
  readonly files: readonly EvidenceFileRecord[]
  /** Null where one of them was not hashed. */
  readonly sha256: string | null
  readonly tool: { readonly name: 'salvor'; readonly version: string }
  readonly settings: unknown
  readonly kernel: KernelRecord | null
  readonly state: State
  readonly exit_code: number
  readonly error: string | null
  readonly tables: readonly TableRecord[]
  readonly warnings: readonly Warning[]
  readonly started: string
  readonly ended: string
}

/** How often it says that something is missing: by a table that failed, by a warning, or by a note of a table without rows. */
export function missed({ tables, warnings }: Pick<ImageRecord, 'tables' | 'warnings'>): number {
  const empty = new Set(tables.flatMap(({ table, rows }) => (rows === 0 ? table : [])))
  const telling = warnings.filter((warning) => !isNote(warning) || empty.has(warning.analyzer ?? ''))
  return telling.length + tables.filter(({ failed }) => failed !== undefined).length
}

export interface Manifest extends ImageRecord {
  readonly sequence: number
  readonly previous: string | null
}

/** A manifest as text, which is what its hash is of. */
export function manifestText(record: ImageRecord, sequence: number, previous: string | null): string {
  const manifest: Manifest = { sequence, previous, ...record }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

const ID_DIGITS = 16

/** What names an image within a case: the beginning of its job's hash. */
export function imageId(job: string): string {
  return job.slice(0, ID_DIGITS)
}
