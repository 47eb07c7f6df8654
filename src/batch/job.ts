/** What a batch hands out, and what comes back. Both are plain values: a job may be done by another process or machine. */

import type { OptionsData } from '../api/options.js'
import type { ImageRecord } from '../case/manifest.js'
import { sha256Of } from '../file-hash.js'
import type { IntakeSettings } from '../intake/intake.js'

export interface AskedTable {
  readonly analyzer: string
  readonly options: OptionsData
}

/** What decides a result, beside the evidence. */
export interface Settings {
  readonly version: string
  readonly tables: readonly AskedTable[]
  /** Users' plugins, by the hash of what was loaded. */
  readonly plugins: readonly { readonly name: string; readonly sha256: string | null }[]
  /** Seconds and MiB that a table may take. */
  readonly timeout: number | null
  readonly memory: number | null
  /** Most GiB of an image that is packed. Not named where nobody did: older cases' hashes are of settings without it. */
  readonly unpackLimit?: number
  /** Of objects only what is read is fetched, so that they have no hash. */
  readonly ranged?: true
}

/** What the process of one image may take. */
export interface ChildLimits {
  /** Seconds that an image may take. */
  readonly timeout?: number
  /** MiB of memory that its process may take; what it has mapped of the image does not count. */
  readonly memory?: number
}

/** One image, and what is to be made of it. */
export interface Job {
  readonly path: string
  readonly settings: Settings
  readonly limits: ChildLimits
  readonly threads: number
  readonly cacheDir: string | null
  /** How an image comes to whoever does the job, if it is no file. */
  readonly intake?: IntakeSettings
}

/** A table as the job's folder holds it. */
export interface MadeTable {
  readonly analyzer: string
  /** The name of its file in the folder. */
  readonly file: string
}

/** What became of a job: a result, even if it is that the image is damaged; or nothing, and why. */
export type Outcome =
  | { readonly kind: 'result'; readonly record: ImageRecord; readonly tables: readonly MadeTable[] }
  | {
      readonly kind: 'lost'
      readonly why: string
      readonly exitCode: number
      /** The image could not be brought to whoever tried, which says nothing of other machines. */
      readonly unreached?: boolean
    }

export function settingsHash(settings: Settings): string {
  return sha256Of(JSON.stringify(settings))
}

/**
 * What stands for evidence: its hash, which is the same under any name; or of an object that nobody has read whole where it is
 * and what its server says of its content.
 */
export function evidenceId({ files, sha256 }: Pick<ImageRecord, 'files' | 'sha256'>): string {
  if (sha256 !== null) return sha256
  return sha256Of(JSON.stringify(files.map(({ path, bytes, modified, etag }) => [path, bytes, modified, etag])))
}

/** The same evidence, analyzed in the same way, is the same job, whatever it is called and wherever it is done. */
export function jobId(evidence: string, settings: Settings): string {
  return sha256Of(JSON.stringify([evidence, settingsHash(settings)]))
}
