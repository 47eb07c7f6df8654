import { homedir } from 'node:os'
import { join } from 'node:path'
import { Engine } from '../engine/engine.js'
import { SalvorError, toFailure } from '../engine/errors.js'
import type { PoolOptions } from '../engine/pool.js'
import type { KnownAnalyzer, Registry } from '../engine/registry.js'
import { exitCodeOf, exitCodes, imageExitCode, worst } from '../engine/status.js'
import { makeFilter } from '../output/filter.js'
import type { TableHead } from '../output/format.js'
import { OrderedTables } from '../output/ordered.js'
import { type Guard, Inputs, isReaderGone } from '../output/target.js'
import { Writer } from '../output/writer.js'
import { containerIds } from './container-names.js'
import type { RunOptions } from './options.js'
import { StderrReporter } from './reporter.js'
import { readTear } from './tear.js'
import { hasColour, type World } from './world.js'

export interface Session {
  readonly world: World
  readonly registry: Registry
  readonly options: RunOptions
}

/** Where discovered symbols are kept, or null. */
export function cacheDirectory(options: Pick<RunOptions, 'cache' | 'cacheDir'>, env: World['env']): string | null {
  if (!options.cache) return null
  if (options.cacheDir !== undefined) return options.cacheDir
  const home = env.HOME === undefined || env.HOME === '' ? homedir() : env.HOME
  // The specification has it that a relative path is to be ignored.
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(home, '.cache')
  return join(base, 'salvor')
}

/** What the run reads, its plugins included, and whether an existing file may be replaced. */
export function outputGuard({ registry, options }: Session, images: readonly string[]): Guard {
  const plugins = registry.list().filter(({ source }) => source.kind === 'user')
  return { inputs: new Inputs([...images, ...plugins.map(({ source }) => source.location)]), force: options.force }
}

/** The columns to write: all, or those named with --columns, in that order. */
function chosenColumns(analyzer: KnownAnalyzer, names: readonly string[]): TableHead['columns'] {
  if (names.length === 0) return analyzer.columns
  const chosen = names.map((name) => {
    const column = Object.hasOwn(analyzer.columns, name) ? analyzer.columns[name] : undefined
    if (column === undefined) {
      const known = Object.keys(analyzer.columns).join(', ')
      throw new SalvorError('USAGE', `--columns: ${analyzer.name} has no column ${name}; it has ${known}`)
    }
    return [name, column] as const
  })
  return Object.fromEntries(chosen)
}

/** Runs analyzers over images, one image after the other, and answers the exit code. */
export async function runAnalyzers(
  whole: Session,
  analyzers: readonly KnownAnalyzer[],
  images: readonly string[],
  several: boolean,
): Promise<number> {
  // An output that fails ends the run as a signal does.
  const broken = new AbortController()
  const signal = AbortSignal.any([whole.world.signal, broken.signal])
  const session: Session = { ...whole, world: { ...whole.world, signal } }
  const { world, options, registry } = session
  const tables = analyzers.map((analyzer) => ({ analyzer, columns: chosenColumns(analyzer, options.columns) }))
  // A filter that makes no sense for a table is the user's mistake, told before an image is opened.
  for (const analyzer of analyzers) makeFilter(analyzer, options, registry.list())
  const reporter = new StderrReporter(world, options.quiet)
  const toTerminal = options.output === undefined && world.stdout.isTTY === true
  const writer = await Writer.make(
    {
      format: options.format,
      stdout: world.stdout,
      images,
      tables: analyzers.map(({ name }) => name),
      guard: outputGuard(session, images),
      ...(options.output === undefined ? {} : { output: options.output }),
    },
    {
      several,
      colour: options.output === undefined && hasColour(world.stdout, world.env),
      note: (line) => reporter.log(line),
      ...(toTerminal ? { width: world.stdout.columns ?? 80 } : {}),
    },
  )
  world.onAbort(() => writer.abort())
  const eager = analyzers.some(({ scans }) => scans !== undefined)
  const engine = makeEngine(session, { eager })
  const codes: number[] = []
  let failure: unknown
  const fail = (error: unknown): void => {
    failure ??= error
    broken.abort()
  }
  try {
    for (const image of images) {
      if (images.length > 1) reporter.image = image
      const sink = (container: readonly string[]) =>
        new OrderedTables(
          writer,
          tables.map(({ analyzer, columns }) => ({
            head: { table: analyzer.name, image, columns },
            filter: makeFilter(analyzer, { ...options, container }, registry.list()),
          })),
          several,
          fail,
        )
      codes.push(await runImage(engine, session, analyzers, image, sink, reporter))
      if (world.signal.aborted) break
    }
    if (world.signal.aborted) codes.push(exitCodes.interrupted)
    else await writer.finish().catch(fail)
  } finally {
    writer.abort()
    reporter.close()
    await engine.close()
  }
  if (isReaderGone(failure)) return exitCodes.complete
  if (failure !== undefined) throw failure
  return worst(codes)
}

export function makeEngine({ world, registry, options }: Session, pool: PoolOptions = {}): Engine {
  const engine = new Engine(registry, world.signal, {
    ...pool,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
    ...(world.backend === undefined ? {} : { backend: world.backend }),
  })
  // A worker that blocks in the core does not see the signal; one that sees it ends before this.
  const GRACE_MILLISECONDS = 250
  const end = (): void => void setTimeout(() => void engine.close(), GRACE_MILLISECONDS).unref()
  world.signal.addEventListener('abort', end, { once: true })
  return engine
}

async function runImage(
  engine: Engine,
  { world, options, registry }: Session,
  analyzers: readonly KnownAnalyzer[],
  path: string,
  sink: (container: readonly string[]) => OrderedTables,
  reporter: StderrReporter,
): Promise<number> {
  try {
    const image = await engine.open(path, { cacheDir: cacheDirectory(options, world.env) })
    reporter.warnings(image.info.warnings)
    const container = await containerIds(engine, registry, image, analyzers, options.container, reporter)
    const outcomes = await engine.run(image, analyzers, sink(container), reporter)
    if (reporter.torn && !world.signal.aborted) reporter.tear(await readTear(engine, registry, image))
    if (!world.signal.aborted) await engine.closeImage(image)
    return imageExitCode(outcomes)
  } catch (error) {
    if (world.signal.aborted) return exitCodes.interrupted
    const failure = toFailure(error)
    reporter.error(failure)
    return exitCodeOf(failure.code)
  }
}
