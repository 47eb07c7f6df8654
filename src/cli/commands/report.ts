import { resolve } from 'node:path'
import type { Engine, OpenedImage } from '../../engine/engine.js'
import { SalvorError, toFailure } from '../../engine/errors.js'
import { evidenceFiles } from '../../engine/evidence-file.js'
import { hasAsked } from '../../engine/option-values.js'
import type { TableRequest } from '../../engine/plan.js'
import type { KnownAnalyzer, Registry } from '../../engine/registry.js'
import { exitCodeOf, exitCodes, imageExitCode, worst } from '../../engine/status.js'
import { isElsewhere } from '../../intake/names.js'
import { openSink, type Sink } from '../../output/sink.js'
import { checkTarget } from '../../output/target.js'
import type { ReportImage } from '../../report/html.js'
import { version } from '../../version.js'
import { tellBrought } from '../brought-note.js'
import type { Command, Option } from '../command.js'
import { cacheOptions, engineOptions, forceOption, intakeOptions, readRunOptions, unpackOption } from '../options.js'
import { filesOf, readOwnOptions } from '../own-options.js'
import { StderrReporter } from '../reporter.js'
import { makeEngine, openOptions, outputGuard, type Session } from '../session.js'
import { readTear } from '../tear.js'

/** What is there at once: no rule is evaluated, and nothing is searched for. */
const QUICK = [
  'info',
  'containers',
  'pods',
  'processes',
  'drift',
  'exposure',
  'sockets',
  'connections-tracked',
  'published-ports',
  'interfaces',
  'mounts',
  'modules',
  'kernel-log',
]

/** What an investigation begins with, and every table that rules read: a finding then comes with its rows. */
const WHOLE = [
  ...QUICK,
  'findings',
  'rules',
  'timeline',
  'kubernetes',
  'removed-containers',
  'namespaces',
  'cgroups',
  'secrets',
  'process-scan',
  'exited-processes',
  'threads',
  'kernel-threads',
  'credentials',
  'environment',
  'libraries',
  'user-stacks',
  'memory-programs',
  'working-directories',
  'ptrace',
  'io-uring',
  'files',
  'open-files',
  'watches',
  'block-devices',
  'injected-memory',
  'socket-queues',
  'firewall',
  'netfilter',
  'routes',
  'neighbours',
  'kernel-hooks',
  'kernel-settings',
  'bpf-programs',
  'bpf-links',
  'bpf-attachments',
  'bpf-maps',
  'trace-events',
  'shell-history',
  'ssh-sessions',
  'terminals',
]

/** The option that takes files of responders, and the analyzer that has them as a table. */
const EVIDENCE = 'evidence'

/** Rows of a table beyond which nobody reads on, and a browser takes long to open them. */
const MOST_ROWS = 100_000

type Request = TableRequest<KnownAnalyzer>

/** The analyzers of a report; those of users' plugins are there because the user named them. */
function named(raw: Raw, registry: Registry): readonly KnownAnalyzer[] {
  const { analyzers, quick } = raw
  if (typeof analyzers !== 'string') {
    const own = registry.plain().filter(({ plugin }) => plugin.kind === 'user')
    const joined = raw.evidence === undefined ? [] : [registry.get(EVIDENCE)]
    return [...(quick === true ? QUICK : WHOLE).map((name) => registry.get(name)), ...joined, ...own]
  }
  if (quick === true) throw new SalvorError('USAGE', '--quick is a choice of analyzers, and so is --analyzers')
  return [...new Set(analyzers.split(',').flatMap((name) => (name === '' ? [] : [registry.get(name)])))]
}

/** The tables of a report. Files of evidence go to each that takes them. */
function chosen(raw: Raw, registry: Registry): readonly Request[] {
  const given = raw.evidence === undefined ? {} : { [EVIDENCE]: raw.evidence }
  const requests = named(raw, registry).map((analyzer) => {
    return { analyzer, options: readOwnOptions(analyzer, given, (flag) => [flag]) }
  })
  const unfit = requests.find(({ analyzer, options }) => {
    return analyzer.source !== undefined || analyzer.artifacts !== undefined || !hasAsked(analyzer, options)
  })
  if (unfit !== undefined) {
    const why = 'needs an option, writes files or reads no memory image'
    throw new SalvorError('USAGE', `--analyzers: ${unfit.analyzer.name} ${why}`)
  }
  if (raw.evidence !== undefined && !requests.some(({ options }) => EVIDENCE in options))
    throw new SalvorError('USAGE', 'none of --analyzers reads --evidence: evidence, findings and rules do')
  return requests
}

type Raw = Readonly<Record<string, unknown>>

interface Wanted {
  readonly images: readonly string[]
  readonly tables: readonly Request[]
  readonly output: string
  readonly hash: boolean
  readonly most: number
}

/** Makes reports' images one after the other; one that fails costs itself. */
class ReportRun {
  readonly codes: number[] = []

  constructor(
    private readonly session: Session,
    private readonly wanted: Wanted,
    private readonly engine: Engine,
    private readonly reporter: StderrReporter,
  ) {}

  async images(): Promise<ReportImage[]> {
    const images: ReportImage[] = []
    for (const path of this.wanted.images) {
      if (this.wanted.images.length > 1) this.reporter.image = path
      const image = await this.one(path)
      if (this.session.world.signal.aborted) break
      if (image !== undefined) images.push(image)
    }
    return images
  }

  private async one(path: string): Promise<ReportImage | undefined> {
    try {
      return await this.image(path)
    } catch (error) {
      const failure = toFailure(error)
      if (!this.session.world.signal.aborted) this.reporter.error(failure)
      this.codes.push(exitCodeOf(failure.code))
      return undefined
    }
  }

  private async image(path: string): Promise<ReportImage> {
    const { engine, reporter, session, wanted } = this
    const { world, options, registry } = session
    // Loaded when a report is made: other commands need none of it.
    const { gatherTables } = await import('../../report/gather.js')
    const progress = (done: number, total: number): void => reporter.progress('unpacking', done, total)
    // What is hashed has to come here whole.
    if (wanted.hash && isElsewhere(path)) await engine.receive(path, progress)
    const image = await engine.open(path, openOptions(options, world.env), progress)
    reporter.warnings(image.info.warnings)
    const hashing = this.filesOf(image)
    // It is waited for below, also where the tables fail.
    hashing.catch(() => {})
    const { image: gathered, outcomes } = await gatherTables(engine, image, wanted.tables, wanted.most, reporter)
    this.codes.push(imageExitCode(outcomes))
    const files = await hashing
    if (reporter.torn && !world.signal.aborted) reporter.tear(await readTear(engine, registry, image, reporter))
    if (!world.signal.aborted) {
      tellBrought(reporter, path, image)
      await engine.closeImage(image)
    }
    return { name: path, files, ...gathered }
  }

  private async filesOf({ info, received }: OpenedImage): Promise<ReportImage['files']> {
    if (received !== undefined) return [{ path: received.path, bytes: received.bytes, sha256: received.sha256 }]
    const { reporter, session, wanted } = this
    const { hashFiles } = await import('../../report/hash.js')
    return hashFiles(evidenceFiles(info), {
      hash: wanted.hash,
      signal: session.world.signal,
      progress: (task, done, total) => reporter.progress(task, done, total),
      warn: (warning) => {
        reporter.warnings([warning])
        this.codes.push(exitCodes.partial)
      },
    })
  }
}

async function write(sink: Sink, images: readonly ReportImage[]): Promise<void> {
  const { reportHtml } = await import('../../report/html.js')
  for await (const piece of reportHtml(images, { version, made: new Date().toISOString() })) await sink.write(piece)
  await sink.commit()
}

async function report(session: Session, wanted: Wanted): Promise<number> {
  const { world } = session
  const files = wanted.tables.flatMap(({ analyzer, options }) => filesOf(analyzer, options))
  const guard = await outputGuard(session, [...wanted.images, ...files])
  checkTarget(wanted.output, guard)
  const reporter = new StderrReporter(world, session.options.quiet)
  const engine = makeEngine(session, { eager: true, kernel: true })
  let sink: Sink | undefined
  world.onAbort(() => sink?.abort())
  try {
    const run = new ReportRun(session, wanted, engine, reporter)
    const images = await run.images()
    if (world.signal.aborted) return exitCodes.interrupted
    if (images.length === 0) return worst(run.codes)
    sink = openSink(wanted.output, guard, world.stdout)
    await write(sink, images)
    reporter.log(`${wanted.output} is a page to open in a browser`)
    return worst(run.codes)
  } catch (error) {
    sink?.abort()
    throw error
  } finally {
    reporter.close()
    await engine.close()
  }
}

const own: readonly Option[] = [
  { name: 'output', alias: 'o', value: 'FILE', summary: 'The page to write, whole or not at all' },
  { name: 'analyzers', value: 'A,B,C', summary: 'Only the tables of these' },
  { name: 'quick', summary: 'Only what is read in seconds: no findings, no timeline, no files' },
  {
    name: 'evidence',
    value: 'FILE',
    repeatable: true,
    summary: 'A file that responders hold, as `findings` and `evidence` take it (can be repeated)',
  },
  {
    name: 'image',
    value: 'NAME',
    repeatable: true,
    summary: 'Of a case, the tables of this image: its id, host or path, or all (default: all, of up to 8)',
  },
  { name: 'no-hash', summary: 'Do not hash the image, which is read whole for it' },
  { name: 'limit', value: 'N', summary: `No more than N rows of a table (default: ${MOST_ROWS})` },
]

export const reportCommand: Command = {
  name: 'report',
  arguments: [{ name: 'images', kind: 'image', several: true }],
  summary: 'One page for a browser: findings, processes, timeline, connections and tables',
  description:
    'The page is one file that loads nothing and talks to nobody. It has a summary with the hash of the image and what ' +
    'was not evaluated, the findings with the rows that they rest on, a tree of host, pods, containers and processes, a ' +
    'timeline, connections, and the tables themselves, to search, sort and filter. A table that is longer than --limit ' +
    'is cut, and says so. Of a case it begins with all images: what each is, their findings, and what few of them have.',
  examples: [
    { command: 'salvor report memory.elf -o report.html', what: 'what matters of one image' },
    { command: 'salvor report memory.elf -o report.html --quick', what: 'a first look, without findings' },
    {
      command: 'salvor report node-1.lime node-2.lime -o report.html',
      what: 'two hosts in one page',
    },
    {
      command: 'salvor report memory.elf -o report.html --evidence audit.log --evidence pods.json',
      what: 'with what the API server and its log say',
    },
    { command: 'salvor report case -o report.html --image web-1', what: 'a case as a whole, and one of its hosts' },
    {
      command: 'salvor report memory.elf -o maps.html --analyzers info,processes,memory-maps',
      what: 'tables of your own choice',
    },
  ],
  options: [...own, forceOption, ...engineOptions, ...cacheOptions, unpackOption, ...intakeOptions],
  run: async ({ raw, world, registry }) => {
    const options = readRunOptions(raw)
    if (options.output === undefined) throw new SalvorError('USAGE', 'report needs --output FILE')
    const images = [...new Set((raw.images as unknown[]).map(String))]
    const { isCase } = await import('../../case/store.js')
    const [folder] = images.filter((path) => isCase(resolve(world.directory, path)))
    const asked = [raw.image ?? []].flat().map(String)
    if (folder !== undefined) {
      if (images.length > 1) throw new SalvorError('USAGE', 'report is of images, or of one case')
      if (raw.evidence !== undefined)
        throw new SalvorError('USAGE', '--evidence is joined with memory, and not with a case')
      const { reportCase } = await import('../case-report.js')
      const analyzers = chosen(raw, registry).map(({ analyzer }) => analyzer)
      const most = options.limit ?? MOST_ROWS
      return reportCase(
        { world, registry, options },
        { folder, output: options.output, analyzers, images: asked, most },
      )
    }
    if (asked.length > 0) throw new SalvorError('USAGE', '--image chooses images of a case')
    return report(
      { world, registry, options },
      {
        images,
        tables: chosen(raw, registry),
        output: options.output,
        hash: raw.hash !== false,
        most: options.limit ?? MOST_ROWS,
      },
    )
  },
}
