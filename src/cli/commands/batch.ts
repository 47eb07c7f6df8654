import { resolve } from 'node:path'
import type { Batch, BatchOptions, ImageEnd } from '../../batch/batch.js'
import type { Settings } from '../../batch/job.js'
import { pluginsOf } from '../../batch/plugins.js'
import { profile, profileNames } from '../../batch/profiles.js'
import { SalvorError } from '../../engine/errors.js'
import { byDefault } from '../../engine/plan.js'
import type { KnownAnalyzer, Registry } from '../../engine/registry.js'
import { exitCodes, worst } from '../../engine/status.js'
import { choice } from '../../engine/words.js'
import { STANDARD_INPUT } from '../../intake/names.js'
import { printable } from '../../output/escape.js'
import { version } from '../../version.js'
import type { Command, Invocation } from '../command.js'
import { childProgram, imageOptions, readImageProcesses } from '../image-process.js'
import {
  cacheOptions,
  engineOptions,
  forceOption,
  intakeOptions,
  readRunOptions,
  singleOption,
  unpackOption,
} from '../options.js'
import { queueOptions, readQueueOptions, toldTo } from '../queue-options.js'
import { cacheDirectory, intakeSettings } from '../session.js'
import { analyzersCalled, refuseMistyped } from './run.js'

/** Takes what follows `batch` apart: an image that is called like an analyzer is given as ./NAME. */
function splitWords(words: readonly string[], registry: Registry): { named: KnownAnalyzer[]; sources: string[] } {
  const named = words.flatMap((word) => analyzersCalled(word, registry) ?? [])
  const sources = words.filter((word) => analyzersCalled(word, registry) === undefined)
  if (sources.length === 0) throw new SalvorError('USAGE', 'batch: no source given')
  for (const source of sources) refuseMistyped(source, registry)
  return { named: [...new Set(named)], sources }
}

function chosen(named: readonly KnownAnalyzer[], asked: string | undefined, registry: Registry) {
  if (named.length > 0 && asked !== undefined)
    throw new SalvorError('USAGE', 'batch: name analyzers or a --profile, not both')
  const analyzers = named.length > 0 ? named : profile(choice('--profile', asked ?? 'full', profileNames), registry)
  const other = analyzers.find(({ source, artifacts }) => source !== undefined || artifacts !== undefined)
  if (other === undefined) return analyzers
  throw new SalvorError('USAGE', `batch: ${other.name} ${other.source === undefined ? 'writes files' : 'reads a file'}`)
}

function summaryOf(ends: readonly ImageEnd[], folder: string): string {
  const counts = new Map<string, number>()
  for (const { state } of ends) counts.set(state, (counts.get(state) ?? 0) + 1)
  const states = [...counts].sort().map(([state, count]) => `${count} ${state}`)
  const known = ends.filter((end) => end.known).length
  const before = known === 0 ? '' : ` (${known} of them before)`
  return `${ends.length} images: ${states.join(', ')}${before}; salvor case ${folder}`
}

async function run({ raw, world, registry }: Invocation): Promise<number> {
  const { named, sources } = splitWords((raw.sources as string[]).map(String), registry)
  const folder = singleOption(raw.case)
  if (folder === undefined) throw new SalvorError('USAGE', 'batch needs a folder for its case: --case DIR')
  const options = readRunOptions(raw)
  const analyzers = chosen(named, singleOption(raw.profile), registry)
  const { workers, threads, limits } = readImageProcesses(raw)
  const queue = await readQueueOptions(raw, world)
  const results = singleOption(raw.results)
  if ((queue === undefined) !== (results === undefined))
    throw new SalvorError(
      'USAGE',
      'batch: --queue needs --results DIR, where workers put results, and that needs --queue',
    )
  if (queue !== undefined && (raw.workers !== undefined || raw.threads !== undefined))
    throw new SalvorError('USAGE', 'batch: with --queue, salvor worker takes --workers and --threads')
  const [{ findImages }, { CaseStore }, { batchReporter }] = await Promise.all([
    import('../../batch/sources/index.js'),
    import('../../case/store.js'),
    import('../batch-reporter.js'),
  ])
  const intake = intakeSettings(options, world.env, world.directory)
  const images = await findImages(sources, world.directory, { intake, signal: world.signal })
  if (queue !== undefined && images.some(({ path }) => path === STANDARD_INPUT))
    throw new SalvorError('USAGE', 'batch: what is piped in comes to this machine alone: leave --queue out')
  const path = resolve(world.directory, folder)
  const store = await CaseStore.write(path)
  try {
    const settings: Settings = {
      version,
      tables: analyzers.map((analyzer) => ({ analyzer: analyzer.name, options: byDefault(analyzer).options })),
      plugins: pluginsOf(registry),
      timeout: options.timeout ?? null,
      memory: options.memory ?? null,
      ...(options.unpackLimit === undefined ? {} : { unpackLimit: options.unpackLimit }),
    }
    const common = {
      settings,
      threads,
      cacheDir: cacheDirectory(options, world.env),
      intake,
      limits,
      signal: world.signal,
    }
    const reporter = batchReporter(world, options.quiet)
    let batch: Batch<BatchOptions>
    if (queue === undefined || results === undefined) {
      const { LocalBatch } = await import('../../batch/batch.js')
      batch = new LocalBatch(store, registry, { ...common, workers, program: childProgram(raw) }, reporter)
    } else {
      const { QueueBatch } = await import('../../batch/redis/coordinator.js')
      const place = { ...queue, results: resolve(world.directory, results), told: toldTo(world) }
      batch = new QueueBatch(store, registry, { ...common, ...place }, reporter)
    }
    const ends = await batch.run(images)
    if (world.signal.aborted) return exitCodes.interrupted
    if (raw.parquet === true) {
      const { writeParquet } = await import('../../case/parquet.js')
      await writeParquet(store)
    }
    const document = singleOption(raw.caseUco)
    if (document !== undefined) {
      const { writeCaseUco } = await import('../case-uco-file.js')
      await writeCaseUco(store, document, world.directory, options.force)
    }
    world.stdout.write(`${printable(summaryOf(ends, folder))}\n`)
    return worst(ends.map(({ exitCode }) => exitCode))
  } finally {
    store.close()
  }
}

export const batchCommand: Command = {
  name: 'batch',
  arguments: [{ name: 'sources', kind: 'sources', several: true }],
  summary: 'Many images into one case, which can be asked, compared and verified',
  description:
    'A source is an image, a folder of images, a pattern between quotes (*, ?, **), s3://BUCKET/PREFIX, - for one that is ' +
    'piped in, or @FILE, a list of sources. Names of ' +
    'analyzers may stand beside them. Each image is analyzed in a process of its own, and its tables go into the case whole ' +
    'or not at all. The same command goes on where one was interrupted: what is in the case is not done again.',
  examples: [
    { command: 'salvor batch images/ --case case', what: 'every table of every image in a folder' },
    { command: 'salvor batch images/ --case case --profile quick', what: 'what ran, and whom it talked to' },
    { command: "salvor batch processes sockets 'dumps/*.lime' --case case", what: 'two tables' },
  ],
  options: [
    { name: 'case', value: 'DIR', summary: 'The folder of the case; it is made, or added to' },
    { name: 'profile', value: 'NAME', choices: profileNames, summary: 'quick or full (default: full)' },
    ...imageOptions,
    ...queueOptions,
    { name: 'results', value: 'DIR', summary: 'With --queue: the folder where workers put results, the same for all' },
    { name: 'parquet', summary: 'Write the tables as Parquet, too, into the folder of the case' },
    { name: 'case-uco', value: 'FILE', summary: 'Write what is on record of the evidence as CASE/UCO JSON-LD' },
    forceOption,
    ...engineOptions,
    ...cacheOptions,
    unpackOption,
    ...intakeOptions,
  ],
  run,
}
