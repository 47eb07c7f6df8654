import type { Engine, OpenedImage } from '../../engine/engine.js'
import { SalvorError, toFailure } from '../../engine/errors.js'
import type { KnownAnalyzer, Registry } from '../../engine/registry.js'
import { exitCodes, imageExitCode, worst } from '../../engine/status.js'
import { lossWarnings } from '../../engine/warnings.js'
import { AtomicFile } from '../../output/sink.js'
import type { Command } from '../command.js'
import { addEngineOptions, addForceOption, readRunOptions } from '../options.js'
import { StderrReporter } from '../reporter.js'
import { makeEngine, outputGuard, type Session } from '../session.js'

const discard = { rows: async () => {}, end: async () => {} }

function chosen(raw: unknown, registry: Registry): readonly KnownAnalyzer[] {
  if (typeof raw !== 'string') return registry.list()
  const names = raw.split(',').filter((name) => name !== '')
  if (names.length === 0) throw new SalvorError('USAGE', '--analyzers names no analyzer')
  return names.map((name) => registry.get(name))
}

/** Lets the core write to the temporary name; nobody knows that one, so that a failure tells of the output. */
async function writePages(engine: Engine, image: OpenedImage, output: string, file: AtomicFile) {
  try {
    return await engine.writeTouched(image, file.temporary)
  } catch (error) {
    const { code, message } = toFailure(error)
    throw new SalvorError(code, message.replaceAll(file.temporary, output), { cause: error })
  }
}

async function distill(
  session: Session,
  path: string,
  output: string,
  analyzers: readonly KnownAnalyzer[],
): Promise<number> {
  const { world } = session
  const reporter = new StderrReporter(world, session.options.quiet)
  const file = new AtomicFile(output, outputGuard(session, [path]))
  const engine = makeEngine(session)
  world.onAbort(() => file.abort())
  try {
    // The cache would hide the pages in which the symbols lie.
    const image = await engine.open(path, { cacheDir: null, record: true })
    const outcomes = await engine.run(image, analyzers, discard, reporter)
    if (world.signal.aborted) return exitCodes.interrupted
    const { pages, lost } = await writePages(engine, image, output, file)
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
  usage: 'distill <image>',
  summary: 'Writes a small image with only the pages that the analyzers read',
  options: (yargs) =>
    addForceOption(addEngineOptions(yargs))
      .usage(
        '$0 distill <image> --output FILE\n\nWrites a LiME image that holds only the physical pages which the analyzers read: ' +
          'the same analyzers give the same output on it. For bug reports and samples.',
      )
      .positional('image', { type: 'string', describe: 'The memory image', demandOption: true })
      .option('output', { type: 'string', alias: 'o', nargs: 1, demandOption: true, describe: 'The image to write' })
      .option('analyzers', { type: 'string', nargs: 1, describe: 'Which analyzers: a,b,c (default: all)' })
      .example('$0 distill memory.elf --output small.lime', 'What every analyzer reads')
      .example('$0 distill memory.elf -o small.lime --analyzers processes', 'What one of them reads'),
  run: async ({ raw, world, registry }) => {
    const options = readRunOptions(raw)
    if (options.output === undefined) throw new SalvorError('USAGE', '--output names no file')
    return distill({ world, registry, options }, String(raw.image), options.output, chosen(raw.analyzers, registry))
  },
}
