import { createRequire } from 'node:module'

/**
 * Loads what the bundle does not hold. Code that V8 takes from a cache, as the bundle's is, cannot `import()`
 * (https://github.com/nodejs/node/issues/43663).
 */
export const require = createRequire(import.meta.url)
