/** Where images come from. A kind is one file beside this one, and a line in the table of `index.ts`. */

import type { BucketSettings } from '../../intake/s3/bucket.js'

/** What tells an image from another under the same name, where its file does not tell. */
export interface Version {
  readonly bytes: number
  /** Nanoseconds since 1970. */
  readonly modified: bigint
  /** What a server says of its content. */
  readonly etag: string
}

/** An image that a source names. */
export interface NamedImage {
  readonly path: string
  readonly version?: Version
}

/** How sources are reached that are no files. */
export interface Reach {
  readonly intake: BucketSettings
  readonly signal: AbortSignal
}

export interface Sources {
  readonly reach: Reach
  /** The images that a word of the command line stands for; `seen` are the manifests that led to it. */
  readonly find: (word: string, directory: string, seen: readonly string[]) => Promise<readonly NamedImage[]>
}

export interface SourceKind {
  /** Whether a word is of this kind; the first that says so is asked. */
  readonly fits: (word: string, directory: string) => boolean
  readonly images: (
    word: string,
    directory: string,
    seen: readonly string[],
    sources: Sources,
  ) => Promise<readonly NamedImage[]>
}
