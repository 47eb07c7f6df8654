import { SalvorError } from '../../engine/errors.js'
import type { KnownAnalyzer, Registry } from '../../engine/registry.js'
import { closest } from '../../engine/suggest.js'
import type { Command, Invocation, Option } from '../command.js'
import { isThere } from '../mistakes.js'
import { artifactOption, formatOfName, type RunOptions, readRunOptions, runOptions } from '../options.js'
import { ownOptions, readOwnOptions, unambiguous } from '../own-options.js'
import { runAnalyzers } from '../run-analyzers.js'
import { wordsIn } from '../words.js'

/** Stands for every table that needs no more than an image. */
const EVERY = 'all'

/** The analyzers that a word means; undefined where it is none. */
export function analyzersCalled(word: string, registry: Registry): readonly KnownAnalyzer[] | undefined {
  const found = registry.find(word)
  if (found !== undefined) return [found]
  return word === EVERY ? registry.plain() : undefined
}

/** Splits what follows `run` into analyzers and images, each once; a slip of the pen is neither. */
export function splitNames(
  words: readonly string[],
  registry: Registry,
): { analyzers: KnownAnalyzer[]; images: string[] } {
  const [first = ''] = words
  const isNamed = (word: string): boolean => analyzersCalled(word, registry) !== undefined
  const named = words.filter(isNamed)
  const images = words.filter((word) => !isNamed(word))
  if (!isNamed(first)) {
    if (named.length > 0 && (isThere(first) || /[./]/.test(first))) {
      throw new SalvorError('USAGE', `analyzers come before images: salvor run ${[...named, ...images].join(' ')}`)
    }
    registry.get(first)
  }
  if (images.length === 0) throw new SalvorError('USAGE', 'run: no image given')
  for (const image of images) refuseMistyped(image, registry)
  const analyzers = named.flatMap((name) => analyzersCalled(name, registry) ?? [])
  return { analyzers: [...new Set(analyzers)], images: [...new Set(images)] }
}

/** What is no file but nearly an analyzer's name would fail only after the images before it were read. */
export function refuseMistyped(word: string, registry: Registry): void {
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

/** The analyzers among the words of a command line. */
function chosenAnalyzers(argv: readonly string[], registry: Registry): KnownAnalyzer[] {
  const words = wordsIn(argv, [artifactOption, ...runOptions, ...everyOwn(registry)]).map((index) => argv[index] ?? '')
  return [...new Set(words.flatMap((word) => analyzersCalled(word, registry) ?? []))]
}

function everyOwn(registry: Registry): Option[] {
  return registry.list().flatMap((analyzer) => [...ownOptions(analyzer), ...ownOptions(analyzer, true)])
}

/** The command with the options of the analyzers that are to run. */
function narrowed(argv: readonly string[], registry: Registry): Command {
  const chosen = chosenAnalyzers(argv, registry)
  const plain = unambiguous(chosen)
  const own = chosen.flatMap((analyzer) => [
    ...ownOptions(analyzer).filter(({ name }) => plain.has(name)),
    ...ownOptions(analyzer, true),
  ])
  return { ...runCommand(registry), options: [...own, artifactOption, ...runOptions] }
}

/** What a word is can depend on an option before it, and an option must not be left unread because of that. */
function refuseUnread(raw: Invocation['raw'], registry: Registry, read: ReadonlySet<string>): void {
  const unread = everyOwn(registry).find(({ name }) => raw[name] !== undefined && !read.has(name))
  if (unread === undefined) return
  throw new SalvorError(
    'USAGE',
    `run: analyzers and images come before --${unread.name}, so that it is clear whose it is`,
  )
}

async function run({ raw, world, registry }: Invocation): Promise<number> {
  const { analyzers, images } = splitNames((raw.names as string[]).map(String), registry)
  const options = readRunOptions(raw)
  refuseCsvFile(options)
  const plain = unambiguous(analyzers)
  const read = new Set<string>()
  const requests = analyzers.map((analyzer) => {
    const namesOf = (flag: string): string[] => {
      const names = [`${analyzer.name}.${flag}`, ...(plain.has(flag) ? [flag] : [])]
      for (const name of names) read.add(name)
      return names
    }
    return { analyzer, options: readOwnOptions(analyzer, raw, namesOf) }
  })
  refuseUnread(raw, registry, read)
  return runAnalyzers({ world, registry, options }, requests, images, true)
}

export function runCommand(registry: Registry): Command {
  return {
    name: 'run',
    arguments: [{ name: 'names', kind: 'analyzers and images', several: true }],
    summary: 'Several analyzers at once, over one or more images',
    description:
      'Analyzers first, then images; each image is opened once. An image called like an analyzer is given as ./NAME. ' +
      'The word all stands for every table that needs no option and writes no files. ' +
      'An option that an analyzer has of its own is given with its name, --ANALYZER.OPTION, or without where only one ' +
      'of those that run has it. CSV is one file per table, in the folder that --output names.',
    examples: [
      { command: 'salvor run processes containers memory.elf', what: 'two tables of one image' },
      { command: 'salvor run all memory.elf --output case.json', what: 'every table, in one opening' },
      {
        command: 'salvor run processes a.lime b.lime --format ndjson',
        what: 'one table of two images, a row per line',
      },
    ],
    options: [artifactOption, ...runOptions],
    narrowed: (argv) => narrowed(argv, registry),
    run,
  }
}
