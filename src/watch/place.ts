/** Where uploads arrive. */

import type { NamedImage } from '../batch/sources/source.js'

/** A file that may be an image, as it is now. */
export interface Seen {
  readonly image: NamedImage
  readonly bytes: number
  /** Another text for another content: as well as can be told without reading it. */
  readonly version: string
  /** Whether somebody on this machine has it open to write. */
  readonly isWritten?: () => boolean
}

export interface Look {
  readonly files: readonly Seen[]
  /** The texts of manifests, by their paths. */
  readonly manifests: ReadonlyMap<string, string>
  /** What could not be looked at, a sentence each. */
  readonly troubles: readonly string[]
  /** Nothing of it can be seen just now. */
  readonly isAway?: boolean
}

export interface WatchedPlace {
  /** What a file is called that lies beside another. */
  readonly beside: (path: string, name: string) => string
  readonly look: () => Promise<Look>
}
