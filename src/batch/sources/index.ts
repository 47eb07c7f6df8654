import { SalvorError } from '../../engine/errors.js'
import { fileSource } from './file.js'
import { folderSource } from './folder.js'
import { globSource } from './glob.js'
import { listSource } from './list.js'
import type { NamedImage, SourceKind, Sources } from './source.js'

/** The most special first. */
const KINDS: readonly SourceKind[] = [listSource, globSource, folderSource, fileSource]

const sources: Sources = {
  find: async (word, directory, seen) => {
    const kind = KINDS.find((candidate) => candidate.fits(word, directory)) ?? fileSource
    return kind.images(word, directory, seen, sources)
  },
}

/** The images that words of a command line stand for, each once and in their order. */
export async function findImages(words: readonly string[], directory: string): Promise<readonly NamedImage[]> {
  const found = new Map<string, NamedImage>()
  for (const word of words) {
    const images = await sources.find(word, directory, [])
    if (images.length === 0) throw new SalvorError('USAGE', `${word}: there is no image`)
    for (const image of images) if (!found.has(image.path)) found.set(image.path, image)
  }
  return [...found.values()]
}
