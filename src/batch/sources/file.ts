import { resolve } from 'node:path'
import type { SourceKind } from './source.js'

/** Anything else is a file; whoever opens it tells what is wrong with it. */
export const fileSource: SourceKind = {
  fits: () => true,
  images: async (word, directory) => [{ path: resolve(directory, word) }],
}
