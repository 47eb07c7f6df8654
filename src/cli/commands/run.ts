import { SalvorError } from '../../engine/errors.js'
import type { KnownAnalyzer, Registry } from '../../engine/registry.js'
import type { Command } from '../command.js'
import { addRunOptions, readRunOptions } from '../options.js'
import { runAnalyzers } from '../session.js'

/** Splits what follows `run` into analyzers, each once, and images. */
export function splitNames(
  words: readonly string[],
  registry: Registry,
): { analyzers: KnownAnalyzer[]; images: string[] } {
  const [first] = words
  if (first !== undefined) registry.get(first)
  const analyzers = new Set<KnownAnalyzer>()
  const images: string[] = []
  for (const word of words) {
    const found = registry.find(word)
    if (found === undefined) images.push(word)
    else analyzers.add(found)
  }
  if (images.length === 0) throw new SalvorError('USAGE', 'run: no image given')
  return { analyzers: [...analyzers], images }
}

export const runCommand: Command = {
  name: 'run',
  usage: 'run <names..>',
  summary: 'Several analyzers at once, over one or more images',
  options: (yargs) =>
    addRunOptions(yargs)
      .usage('$0 run <analyzer..> <image..>\n\nRuns several analyzers over one or more images, each opened once.')
      .positional('names', {
        type: 'string',
        array: true,
        describe: 'Analyzers first, then images; an image called like an analyzer is given as ./NAME',
        demandOption: true,
      })
      .example('$0 run processes containers memory.elf', 'Two tables of one image')
      .example('$0 run processes a.lime b.lime --format ndjson', 'One table of two images, a row per line'),
  run: async ({ raw, world, registry }) => {
    const { analyzers, images } = splitNames((raw.names as string[]).map(String), registry)
    return runAnalyzers({ world, registry, options: readRunOptions(raw) }, analyzers, images, true)
  },
}
