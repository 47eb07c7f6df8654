import { SalvorError } from '../../engine/errors.js'
import { byDefault } from '../../engine/plan.js'
import type { KnownAnalyzer, Registry } from '../../engine/registry.js'
import { exitCodes, imageExitCode, worst } from '../../engine/status.js'
import { lossWarnings } from '../../engine/warnings.js'
import { AtomicFile } from '../../output/sink.js'
import type { Command } from '../command.js'
import { engineOptions, forceOption, intakeOptions, readRunOptions, symbolsOption } from '../options.js'
import { StderrReporter } from '../reporter.js'
import { makeEngine, outputGuard, type Session } from '../session.js'

const discard = { rows: async () => {}, end: async () => {} }

function chosen(raw: unknown, registry: Registry): readonly KnownAnalyzer[] {
  if (typeof raw !== 'string') return registry.plain()
  const names = raw.split(',').filter((name) => name !== '')
  const analyzers = names.map((name) => registry.get(name))
  const other = analyzers.find(({ source }) => source !== undefined)
  if (other === undefined) return analyzers
  throw new SalvorError('USAGE', `--analyzers: ${other.name} reads a file, and no memory image`)
}

async function distill(
  session: Session,
  path: string,
  output: string,
  analyzers: readonly KnownAnalyzer[],
): Promise<number> {
  const { world } = session
  const reporter = new StderrReporter(world, session.options.quiet)
  const file = new AtomicFile(output, await outputGuard(session, [path]))
  const engine = makeEngine(session)
  world.onAbort(() => file.abort())
  try {
    // The cache would hide the pages in which the symbols lie.
    const image = await engine.open(path, { cacheDir: null, record: true, symbols: session.options.symbols })
    const outcomes = await engine.run(image, analyzers.map(byDefault), discard, reporter)
    if (world.signal.aborted) return exitCodes.interrupted
    const { pages, lost } = await file.filledBy((temporary) => engine.writeTouched(image, temporary))
    if (world.signal.aborted) return exitCodes.interrupted
    file.commit()
    reporter.warnings(lossWarnings(lost))
    reporter.log(`${output} holds ${pages} pages`)
    return worst([imageExitCode(outcomes), lost ? exitCodes.partial : exitCodes.complete])
  } finally {
    file.abort()
    reporter.close()
    await engine.close()
  }
}

export const distillCommand: Command = {
  name: 'distill',
  arguments: [{ name: 'image', kind: 'image' }],
  summary: 'Writes a small image with only the pages that the analyzers read',
  description:
    'The image is LiME and holds only the physical pages which the analyzers read: the same analyzers give the same ' +
    'output on it. For bug reports and samples.',
  examples: [
    { command: 'salvor distill memory.elf --output small.lime', what: 'what every analyzer reads' },
    { command: 'salvor distill memory.elf -o small.lime --analyzers processes', what: 'what one of them reads' },
  ],
  options: [
    { name: 'output', alias: 'o', value: 'FILE', summary: 'The image to write' },
    { name: 'analyzers', value: 'A,B,C', summary: 'Which analyzers (default: all that need no option)' },
    forceOption,
    symbolsOption,
    ...engineOptions,
    ...intakeOptions,
  ],
  run: async ({ raw, world, registry }) => {
    const options = readRunOptions(raw)
    if (options.output === undefined) throw new SalvorError('USAGE', 'distill needs --output FILE')
    return distill({ world, registry, options }, String(raw.image), options.output, chosen(raw.analyzers, registry))
  },
}
