import { statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { pathFits } from '../../path-pattern.js'
import { filesBelow } from './folder.js'
import type { SourceKind } from './source.js'

/** What a shell has left: `*` and `?` within a name, `**` over folders. A file that is called so is a file. */
export const globSource: SourceKind = {
  fits: (word, directory) =>
    /[*?]/.test(word) && statSync(resolve(directory, word), { throwIfNoEntry: false }) === undefined,
  images: async (word, directory) => {
    const pattern = resolve(directory, word)
    const base = dirname(pattern.slice(0, pattern.search(/[*?]/) + 1))
    if (statSync(base, { throwIfNoEntry: false })?.isDirectory() !== true) return []
    const depth = pattern.includes('**') ? Number.POSITIVE_INFINITY : pattern.slice(base.length).split('/').length
    return filesBelow(base, depth).filter(({ path }) => pathFits(pattern, path))
  },
}
