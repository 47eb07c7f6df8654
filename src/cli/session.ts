import { homedir } from 'node:os'
import { join } from 'node:path'
import { Engine, type OpenedImage } from '../engine/engine.js'
import { toFailure } from '../engine/errors.js'
import { byDefault } from '../engine/plan.js'
import type { PoolOptions } from '../engine/pool.js'
import type { KnownAnalyzer, Registry } from '../engine/registry.js'
import { exitCodeOf, exitCodes, imageExitCode, worst } from '../engine/status.js'
import type { ContainerChoice } from '../output/filter.js'
import { OrderedTables } from '../output/ordered.js'
import { type Guard, Inputs, isReaderGone } from '../output/target.js'
import { Writer } from '../output/writer.js'
import { askedTables } from './asked-tables.js'
import { companionsOf } from './companions.js'
import { ContainerLookup } from './container-lookup.js'
import type { RunOptions } from './options.js'
import { StderrReporter } from './reporter.js'
import { readTear } from './tear.js'
import { DEFAULT_WIDTH, hasColour, type World } from './world.js'

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

/** What the run reads, plugins and other parts of images included, and whether an existing file may be replaced. */
export async function outputGuard({ registry, options }: Session, images: readonly string[]): Promise<Guard> {
  const plugins = registry.list().filter(({ plugin }) => plugin.kind === 'user')
  const companions = await Promise.all(images.map(companionsOf))
  const inputs = [...images, ...companions.flat(), ...plugins.map(({ plugin }) => plugin.location)]
  return { inputs: new Inputs(inputs), force: options.force }
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
  const { world, options } = session
  const tables = askedTables(session, analyzers)
  const named = tables.some((table) => table.named)
  const reporter = new StderrReporter(world, options.quiet)
  const toTerminal = options.output === undefined && world.stdout.isTTY === true
  const writer = await Writer.make(
    {
      format: options.format,
      stdout: world.stdout,
      images,
      tables: analyzers.map(({ name }) => name),
      guard: await outputGuard(session, images),
      ...(options.output === undefined ? {} : { output: options.output }),
    },
    {
      several,
      wide: options.wide,
      named: options.columns.length > 0,
      colour: options.output === undefined && hasColour(world.stdout, world.env),
      note: (line) => reporter.log(line),
      ...(toTerminal ? { width: world.stdout.columns || DEFAULT_WIDTH } : {}),
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
      const sink: MakeSink = (choice, names) =>
        new OrderedTables(
          writer,
          tables.map(({ head, selection, ...table }) => ({
            ...table,
            head: { ...head, image },
            selection: selection(choice),
          })),
          { several, note: (line) => reporter.log(line), fail, ...(names === undefined ? {} : { names }) },
        )
      codes.push(await runImage(engine, session, analyzers, image, sink, named, reporter))
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
    ...(options.timeout === undefined ? {} : { timeout: options.timeout }),
    ...(options.memory === undefined ? {} : { memory: options.memory }),
    ...(world.backend === undefined ? {} : { backend: world.backend }),
  })
  // A worker that blocks in the core does not see the signal; one that sees it ends before this.
  const GRACE_MILLISECONDS = 250
  const end = (): void => void setTimeout(() => void engine.close(), GRACE_MILLISECONDS).unref()
  world.signal.addEventListener('abort', end, { once: true })
  return engine
}

/** One image's tables on their way to the output. */
type MakeSink = (
  choice: ContainerChoice | undefined,
  names: Promise<ReadonlyMap<string, string>> | undefined,
) => OrderedTables

async function runImage(
  engine: Engine,
  { world, options, registry }: Session,
  analyzers: readonly KnownAnalyzer[],
  path: string,
  makeSink: MakeSink,
  named: boolean,
  reporter: StderrReporter,
): Promise<number> {
  let image: OpenedImage | undefined
  try {
    image = await engine.open(path, { cacheDir: cacheDirectory(options, world.env) })
    reporter.warnings(image.info.warnings)
    const containers = new ContainerLookup(engine, registry, image, reporter)
    const choice = await containers.choice(options.container)
    const sink = makeSink(choice, named ? containers.names(analyzers) : undefined)
    const outcomes = await engine.run(image, analyzers.map(byDefault), containers.before(sink), reporter)
    if (reporter.torn && !world.signal.aborted) reporter.tear(await readTear(engine, registry, image, reporter))
    return worst([imageExitCode(outcomes), ...(sink.capped ? [exitCodes.limit] : [])])
  } catch (error) {
    if (world.signal.aborted) return exitCodes.interrupted
    const failure = toFailure(error)
    reporter.error(failure)
    return exitCodeOf(failure.code)
  } finally {
    // A run that was interrupted ends with its process.
    if (image !== undefined && !world.signal.aborted) await engine.closeImage(image)
  }
}
