import { STANDARD_INPUT } from '../../intake/names.js'
import type { SourceKind } from './source.js'

/** What is piped in. It comes once, so that nothing of it is known before, and nothing of it can be tried again. */
export const standardInputSource: SourceKind = {
  fits: (word) => word === STANDARD_INPUT,
  images: async () => [{ path: STANDARD_INPUT, version: { bytes: 0, modified: BigInt(Date.now()), etag: '' } }],
}
