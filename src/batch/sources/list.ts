import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { SalvorError } from '../../engine/errors.js'
import type { SourceKind } from './source.js'

/** `@FILE`: a source a line, of any kind, relative to the file; lines that begin with # are remarks. */
export const listSource: SourceKind = {
  fits: (word) => word.startsWith('@') && word.length > 1,
  images: async (word, directory, seen, { find }) => {
    const path = resolve(directory, word.slice(1))
    if (seen.includes(path)) throw new SalvorError('USAGE', `${path} leads back to itself`)
    const images = []
    for (const line of linesOf(path)) images.push(...(await find(line, dirname(path), [...seen, path])))
    return images
  },
}

function linesOf(path: string): string[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new SalvorError('USAGE', `${path}: the list of sources cannot be read`, { cause: error })
  }
  return text.split(/\r?\n/).flatMap((line) => {
    const word = line.trim()
    return word === '' || word.startsWith('#') ? [] : word
  })
}
