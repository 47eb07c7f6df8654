import { resolve } from 'node:path'
import type { Batch, BatchOptions, ImageEnd } from '../../batch/batch.js'
import { SalvorError, toFailure } from '../../engine/errors.js'
import { exitCodes, worst } from '../../engine/status.js'
import { isObjectName, STANDARD_INPUT } from '../../intake/names.js'
import { printable } from '../../output/escape.js'
import { caseOptions, readCaseRequest } from '../case-request.js'
import type { Command, Invocation } from '../command.js'
import { hookOptions, hooksSummary, readHooks, withHooks } from '../hook-options.js'
import { childProgram, imageEngineOptions, imageOptions, readImageProcesses } from '../image-process.js'
import { cacheOptions, forceOption, intakeOptions, readRunOptions, singleOption, unpackOption } from '../options.js'
import { queueOptions, readQueueOptions, toldTo } from '../queue-options.js'
import { sayTo } from '../say.js'
import { cacheDirectory, imagePath, intakeSettings } from '../session.js'
import type { World } from '../world.js'

function summaryOf(ends: readonly ImageEnd[], folder: string): string {
  const counts = new Map<string, number>()
  for (const { state } of ends) counts.set(state, (counts.get(state) ?? 0) + 1)
  const states = [...counts].sort().map(([state, count]) => `${count} ${state}`)
  const known = ends.filter((end) => end.known).length
  const before = known === 0 ? '' : ` (${known} of them before)`
  return `${ends.length} ${ends.length === 1 ? 'image' : 'images'}: ${states.join(', ')}${before}; salvor case ${folder}`
}

/** Others of this machine have the rest. A system that forbids that is no reason to do nothing. */
async function keepWithin(world: World, processors: number): Promise<void> {
  try {
    await world.keepTo?.(processors)
  } catch (error) {
    const { message } = toFailure(error)
    sayTo(world)('error', `batch: it is not kept to ${processors} CPUs, and may take more: ${message}`, {})
  }
}

async function run(invocation: Invocation): Promise<number> {
  const { raw, world, registry } = invocation
  const { folder, sources, settings } = readCaseRequest('batch', invocation)
  const options = readRunOptions(raw)
  const { workers, threads, processors, within, limits } = readImageProcesses(raw)
  const queue = await readQueueOptions(raw, world)
  const results = singleOption(raw.results)
  if ((queue === undefined) !== (results === undefined))
    throw new SalvorError(
      'USAGE',
      'batch: --queue needs --results DIR, where workers put results, and that needs --queue',
    )
  if (queue !== undefined && (raw.workers !== undefined || raw.threads !== undefined))
    throw new SalvorError('USAGE', 'batch: with --queue, salvor worker takes --workers and --threads')
  const parquetTo = singleOption(raw.parquetTo)
  if (parquetTo !== undefined && !isObjectName(parquetTo))
    throw new SalvorError('USAGE', 'batch: --parquet-to takes s3://BUCKET/PREFIX; --parquet is the folder of the case')
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
  const hooks = await readHooks(raw, world, sayTo(world))
  if (queue === undefined && within !== undefined) await keepWithin(world, within)
  const store = await CaseStore.write(path)
  try {
    const common = {
      settings,
      threads,
      cacheDir: cacheDirectory(options, world.env),
      intake,
      limits,
      signal: world.signal,
    }
    const reporter = withHooks(batchReporter(world, options.quiet), hooks, path)
    let batch: Batch<BatchOptions>
    if (queue === undefined || results === undefined) {
      const { LocalBatch } = await import('../../batch/batch.js')
      const local = { ...common, workers, ...(processors === undefined ? {} : { processors }) }
      batch = new LocalBatch(store, registry, { ...local, program: childProgram(raw) }, reporter)
    } else {
      const { QueueBatch } = await import('../../batch/redis/coordinator.js')
      const place = { ...queue, results: imagePath(world.directory, results), told: toldTo(world) }
      batch = new QueueBatch(store, registry, { ...common, ...place }, reporter)
    }
    const ends = await batch.run(images)
    await hooks?.close()
    if (world.signal.aborted) return exitCodes.interrupted
    if (raw.parquet === true || parquetTo !== undefined) {
      const { putFiles, writeParquet } = await import('../../case/parquet.js')
      const files = await writeParquet(store)
      if (parquetTo !== undefined) await putFiles(files, parquetTo, intake, world.signal)
    }
    const document = singleOption(raw.caseUco)
    if (document !== undefined) {
      const { writeCaseUco } = await import('../case-uco-file.js')
      await writeCaseUco(store, document, world.directory, options.force)
    }
    const told = hooks === undefined ? '' : `; ${hooksSummary(hooks)}`
    world.stdout.write(`${printable(`${summaryOf(ends, folder)}${told}`)}\n`)
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
    'or not at all. The same command goes on where one was interrupted: what is in the case is not done again. A batch takes ' +
    'all CPUs; with --workers as many as that, or times --threads, and leaves the others alone.',
  examples: [
    { command: 'salvor batch images/ --case case', what: 'every table of every image in a folder' },
    { command: 'salvor batch images/ --case case --profile quick', what: 'what ran, and whom it talked to' },
    { command: "salvor batch processes sockets 'dumps/*.lime' --case case", what: 'two tables' },
  ],
  options: [
    ...caseOptions,
    ...hookOptions,
    ...imageOptions,
    ...queueOptions,
    {
      name: 'results',
      value: 'DIR',
      summary: 'With --queue: the folder, or s3://BUCKET/PREFIX, where workers put results, the same for all',
    },
    { name: 'parquet', summary: 'Write the tables as Parquet, too, into the folder of the case' },
    {
      name: 'parquet-to',
      value: 'URL',
      summary: 'Put them below s3://BUCKET/PREFIX, too, one object for each table',
    },
    { name: 'case-uco', value: 'FILE', summary: 'Write what is on record of the evidence as CASE/UCO JSON-LD' },
    forceOption,
    ...imageEngineOptions('1, or more where there are fewer images than CPUs'),
    ...cacheOptions,
    unpackOption,
    ...intakeOptions,
  ],
  run,
}
