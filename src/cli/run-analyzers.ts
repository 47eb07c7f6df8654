import { basename } from 'node:path'
import type { Engine, Evidence } from '../engine/engine.js'
import { SalvorError, toFailure } from '../engine/errors.js'
import { type PlannedTable, plan, type TableRequest } from '../engine/plan.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import { exitCodeOf, exitCodes, imageExitCode, worst } from '../engine/status.js'
import { artifactName } from '../output/artifact-name.js'
import type { ArtifactFolder } from '../output/artifacts.js'
import type { ContainerChoice } from '../output/filter.js'
import { eventFormats, type ImageHost } from '../output/format.js'
import { OrderedTables } from '../output/ordered.js'
import { type Guard, isReaderGone } from '../output/target.js'
import { Writer } from '../output/writer.js'
import { type AskedTable, askedTables } from './asked-tables.js'
import { tellBrought } from './brought-note.js'
import { ContainerLookup } from './container-lookup.js'
import { readHost } from './image-host.js'
import { filesOf } from './own-options.js'
import { StderrReporter } from './reporter.js'
import { makeEngine, openOptions, outputGuard, type Session } from './session.js'
import { readTear } from './tear.js'
import { DEFAULT_WIDTH, hasColour } from './world.js'

/** What is asked for: tables, of images or of files that are read one after the other. */
interface Asked {
  readonly requests: readonly TableRequest<KnownAnalyzer>[]
  readonly paths: readonly string[]
  /** Whether the output is made for several tables, however many there are. */
  readonly several: boolean
}

async function makeWriter(session: Session, asked: Asked, reporter: StderrReporter): Promise<Writer> {
  const { world, options } = session
  const { output } = options
  const { requests, paths, several } = asked
  const toTerminal = output === undefined && world.stdout.isTTY === true
  return Writer.make(
    {
      format: options.format,
      stdout: world.stdout,
      images: paths,
      tables: requests.map(({ analyzer }) => analyzer.name),
      guard: await guardOf(session, asked),
      ...(output === undefined ? {} : { output }),
    },
    {
      several,
      page: options.page !== undefined,
      wide: options.wide,
      named: options.columns.length > 0,
      colour: output === undefined && hasColour(world.stdout, world.env),
      note: (line) => reporter.log(line),
      ...(toTerminal ? { width: world.stdout.columns || DEFAULT_WIDTH } : {}),
    },
  )
}

/** Every file that the run reads, which nothing may be written over. */
function guardOf(session: Session, { requests, paths }: Asked): Promise<Guard> {
  const files = requests.flatMap((request) => filesOf(request.analyzer, request.options))
  return outputGuard(session, [...paths, ...files])
}

/** The folder of the files that are written, where any analyzer of the run writes some. */
async function makeFolder(
  session: Session,
  asked: Asked,
  planned: readonly PlannedTable<KnownAnalyzer>[],
): Promise<ArtifactFolder | null> {
  const { outputDir } = session.options
  const writing = planned.find(({ analyzer }) => analyzer.artifacts !== undefined)?.analyzer
  if (writing === undefined) {
    if (outputDir === undefined) return null
    throw new SalvorError('USAGE', '--output-dir: no analyzer of this run writes files')
  }
  if (outputDir === undefined) {
    throw new SalvorError('USAGE', `${writing.name} writes files: name a folder with --output-dir`)
  }
  // Few runs need it.
  const { ArtifactFolder } = await import('../output/artifacts.js')
  return new ArtifactFolder(outputDir, await guardOf(session, asked))
}

/** The tables of one image or file after the other, on their way through one engine to one output. */
class AnalyzerRun {
  /** What went wrong with the output; it ends the run. */
  failure: unknown

  constructor(
    private readonly session: Session,
    private readonly asked: Asked,
    private readonly tables: readonly AskedTable[],
    private readonly engine: Engine,
    private readonly writer: Writer,
    private readonly reporter: StderrReporter,
    private readonly broken: AbortController,
    private readonly folder: ArtifactFolder | null,
  ) {}

  /** Answers the exit code. */
  async all(): Promise<number> {
    const { signal } = this.session.world
    const codes: number[] = []
    for (const path of this.asked.paths) {
      if (this.asked.paths.length > 1) this.reporter.image = path
      codes.push(await this.one(path))
      if (signal.aborted) break
    }
    if (signal.aborted) codes.push(exitCodes.interrupted)
    else await this.writer.finish().catch(this.fail)
    return worst(codes)
  }

  private readonly fail = (error: unknown): void => {
    this.failure ??= error
    this.broken.abort()
  }

  private async one(path: string): Promise<number> {
    const { signal } = this.session.world
    try {
      return await this.tablesOf(path)
    } catch (error) {
      if (signal.aborted) return exitCodes.interrupted
      const failure = toFailure(error)
      this.reporter.error(failure)
      return exitCodeOf(failure.code)
    }
  }

  private async tablesOf(path: string): Promise<number> {
    const evidence = await this.open(path)
    try {
      return await this.made(evidence, path)
    } finally {
      // A run that was interrupted ends with its process.
      if (evidence.kind === 'image' && !this.session.world.signal.aborted) {
        tellBrought(this.reporter, path, evidence)
        await this.engine.closeImage(evidence)
      }
    }
  }

  private async made(evidence: Evidence, path: string): Promise<number> {
    const { engine, reporter, tables } = this
    const { registry, options, world } = this.session
    const { requests } = this.asked
    reporter.warnings(evidence.info.warnings)
    const containers = new ContainerLookup(engine, registry, evidence, reporter)
    const choice = await containers.choice(options.container)
    const named = tables.some((table) => table.named)
    const host = eventFormats.has(options.format) ? await readHost(engine, registry, evidence, reporter) : undefined
    const sink = this.sink(path, choice, named ? containers.names(requests) : undefined, host)
    const artifacts = this.folder?.place(this.folderOf(path)) ?? null
    const outcomes = await engine.run(evidence, requests, containers.before(sink), reporter, artifacts)
    if (evidence.kind === 'image' && reporter.torn && !world.signal.aborted) {
      reporter.tear(await readTear(engine, registry, evidence, reporter))
    }
    return worst([imageExitCode(outcomes), ...(sink.capped ? [exitCodes.limit] : [])])
  }

  /** Each of several images has a folder of its own for the files that are written. */
  private folderOf(path: string): string {
    const { paths } = this.asked
    return paths.length === 1 ? '' : `${paths.indexOf(path) + 1}-${artifactName(basename(path))}`
  }

  private async open(path: string): Promise<Evidence> {
    const { options, world } = this.session
    const [first] = this.asked.requests
    if (first?.analyzer.source !== undefined) return this.engine.openFile(path)
    return this.engine.open(path, openOptions(options, world.env), (done, total) =>
      this.reporter.progress('unpacking', done, total),
    )
  }

  private sink(
    image: string,
    choice: ContainerChoice | undefined,
    names: Promise<ReadonlyMap<string, string>> | undefined,
    host: ImageHost | undefined,
  ): OrderedTables {
    const { asked, fail, reporter, tables, writer } = this
    return new OrderedTables(
      writer,
      tables.map(({ head, selection, ...table }) => ({
        ...table,
        head: { ...head, image, ...(host === undefined ? {} : { host }) },
        selection: selection(choice),
      })),
      {
        several: asked.several,
        note: (line) => reporter.log(line),
        fail,
        ...(names === undefined ? {} : { names }),
      },
    )
  }
}

/** Runs analyzers over images or files, one after the other, and answers the exit code. */
export async function runAnalyzers(
  whole: Session,
  requests: readonly TableRequest<KnownAnalyzer>[],
  paths: readonly string[],
  several: boolean,
): Promise<number> {
  // An output that fails ends the run as a signal does.
  const broken = new AbortController()
  const signal = AbortSignal.any([whole.world.signal, broken.signal])
  const session: Session = { ...whole, world: { ...whole.world, signal } }
  const { world, registry, options } = session
  const asked = { requests, paths, several }
  // What cannot be run is told before anything is opened.
  const planned = plan(requests, (name) => registry.find(name))
  const tables = askedTables(session, requests)
  const reporter = new StderrReporter(world, options.quiet)
  const writer = await makeWriter(session, asked, reporter)
  const folder = await makeFolder(session, asked, planned)
  world.onAbort(() => {
    writer.abort()
    folder?.close()
  })
  const engine = makeEngine(session, {
    // A scan and the table that asks for it take one worker after each other; beside other tables it needs its own.
    eager: planned.length > 1 && planned.some(({ analyzer }) => analyzer.scans !== undefined),
    kernel: planned.some(({ analyzer }) => analyzer.source === undefined),
  })
  const run = new AnalyzerRun(session, asked, tables, engine, writer, reporter, broken, folder)
  try {
    const code = await run.all()
    if (isReaderGone(run.failure)) return exitCodes.complete
    if (run.failure !== undefined) throw run.failure
    // A page is handed on with all that was written beside it.
    if (options.page !== undefined && !world.signal.aborted) folder?.manifest()
    return code
  } finally {
    writer.abort()
    reporter.close()
    await engine.close()
    // After the workers, which may have been writing.
    folder?.close()
  }
}
