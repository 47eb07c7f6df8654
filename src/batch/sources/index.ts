import { resolve } from 'node:path'
import { isCase } from '../../case/store.js'
import { SalvorError } from '../../engine/errors.js'
import { bucketSource } from './bucket.js'
import { fileSource } from './file.js'
import { folderSource } from './folder.js'
import { globSource } from './glob.js'
import { listSource } from './list.js'
import type { NamedImage, Reach, SourceKind, Sources } from './source.js'
import { standardInputSource } from './standard-input.js'

/** The most special first. */
const KINDS: readonly SourceKind[] = [
  standardInputSource,
  bucketSource,
  listSource,
  globSource,
  folderSource,
  fileSource,
]

/** As a command does that was told nothing of servers. */
const PLAIN: Reach = { intake: {}, signal: new AbortController().signal }

/** The images that words of a command line stand for, each once and in their order. */
export async function findImages(
  words: readonly string[],
  directory: string,
  reach: Reach = PLAIN,
): Promise<readonly NamedImage[]> {
  const sources: Sources = {
    reach,
    find: async (word, from, seen) => {
      const kind = KINDS.find((candidate) => candidate.fits(word, from)) ?? fileSource
      return kind.images(word, from, seen, sources)
    },
  }
  const found = new Map<string, NamedImage>()
  for (const word of words) {
    const images = await sources.find(word, directory, [])
    // A shell that is told * names the case beside its images, too.
    const isOfCase = images.length === 0 && isCase(resolve(directory, word))
    if (isOfCase && words.length === 1) throw new SalvorError('USAGE', `${word} is a case, and holds no image`)
    if (images.length === 0 && !isOfCase) throw new SalvorError('USAGE', `${word}: there is no image`)
    for (const image of images) if (!found.has(image.path)) found.set(image.path, image)
  }
  return [...found.values()]
}
