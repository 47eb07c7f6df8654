import { SalvorError } from '../../engine/errors.js'
import type { KnownAnalyzer, Registry } from '../../engine/registry.js'
import { closest } from '../../engine/suggest.js'
import type { Command } from '../command.js'
import { isThere } from '../mistakes.js'
import { formatOfName, type RunOptions, readRunOptions, runOptions } from '../options.js'
import { runAnalyzers } from '../session.js'

/** Splits what follows `run` into analyzers and images, each once; a slip of the pen is neither. */
export function splitNames(
  words: readonly string[],
  registry: Registry,
): { analyzers: KnownAnalyzer[]; images: string[] } {
  const [first = ''] = words
  const named = words.filter((word) => registry.find(word) !== undefined)
  const images = words.filter((word) => registry.find(word) === undefined)
  if (registry.find(first) === undefined) {
    if (named.length > 0 && (isThere(first) || /[./]/.test(first))) {
      throw new SalvorError('USAGE', `analyzers come before images: salvor run ${[...named, ...images].join(' ')}`)
    }
    registry.get(first)
  }
  if (images.length === 0) throw new SalvorError('USAGE', 'run: no image given')
  for (const image of images) refuseMistyped(image, registry)
  return { analyzers: [...new Set(named.map((name) => registry.get(name)))], images: [...new Set(images)] }
}

/** What is no file but nearly an analyzer's name would fail only after the images before it were read. */
function refuseMistyped(word: string, registry: Registry): void {
  if (/[./]/.test(word) || isThere(word)) return
  const near = closest(word, registry.names())
  if (near === undefined) return
  throw new SalvorError('USAGE', `there is no analyzer or file ${JSON.stringify(word)}; did you mean ${near}?`)
}

/** One CSV cannot hold several tables, and a folder with a file's name is a mistake. */
function refuseCsvFile({ format, output }: RunOptions): void {
  if (format !== 'csv' || output === undefined || formatOfName(output) !== 'csv') return
  throw new SalvorError('USAGE', `run writes a CSV for each table: name a folder with --output, not ${output}`)
}

export const runCommand: Command = {
  name: 'run',
  arguments: [{ name: 'names', kind: 'analyzers and images', several: true }],
  summary: 'Several analyzers at once, over one or more images',
  description:
    'Analyzers first, then images; each image is opened once. An image called like an analyzer is given as ./NAME. CSV ' +
    'is one file per table, in the folder that --output names.',
  examples: [
    { command: 'salvor run processes containers memory.elf', what: 'two tables of one image' },
    { command: 'salvor run processes a.lime b.lime --format ndjson', what: 'one table of two images, a row per line' },
  ],
  options: runOptions,
  run: async ({ raw, world, registry }) => {
    const { analyzers, images } = splitNames((raw.names as string[]).map(String), registry)
    const options = readRunOptions(raw)
    refuseCsvFile(options)
    return runAnalyzers({ world, registry, options }, analyzers, images, true)
  },
}
