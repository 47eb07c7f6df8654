import { SalvorError, toFailure } from '../engine/errors.js'
import { Registry } from '../engine/registry.js'
import { exitCodeOf, exitCodes } from '../engine/status.js'
import { printable, printableLines } from '../output/escape.js'
import type { Command } from './command.js'
import { acquireCommand } from './commands/acquire.js'
import { analyzerCommand } from './commands/analyzer.js'
import { analyzersCommand } from './commands/analyzers.js'
import { batchCommand } from './commands/batch.js'
import { batchImageCommand } from './commands/batch-image.js'
import { caseCommand } from './commands/case.js'
import { compareCommand } from './commands/compare.js'
import { completionCommand } from './commands/completion.js'
import { convertCommand } from './commands/convert.js'
import { distillCommand } from './commands/distill.js'
import { helpCommand, versionCommand } from './commands/help.js'
import { huntCommand } from './commands/hunt.js'
import { newPluginCommand } from './commands/new-plugin.js'
import { containerCommand, podCommand } from './commands/page.js'
import { reportCommand } from './commands/report.js'
import { runCommand } from './commands/run.js'
import { schemaCommand } from './commands/schema.js'
import { sqlCommand } from './commands/sql.js'
import { verifyCommand } from './commands/verify.js'
import { watchCommand } from './commands/watch.js'
import { workerCommand } from './commands/worker.js'
import { refuseReserved } from './own-options.js'
import { pluginArguments, readWords } from './words.js'
import type { World } from './world.js'
import { parseArguments } from './yargs.js'

async function makeRegistry(argv: readonly string[], world: World): Promise<Registry> {
  const registry = Registry.builtin()
  for (const specifier of pluginArguments(argv)) {
    const { addUserPlugin } = await import('../engine/load.js')
    await addUserPlugin(registry, specifier, world.directory)
  }
  return registry
}

/** Commands that are none of an analyzer. */
const general: readonly Command[] = [
  containerCommand,
  podCommand,
  batchCommand,
  watchCommand,
  workerCommand,
  caseCommand,
  sqlCommand,
  compareCommand,
  huntCommand,
  verifyCommand,
  batchImageCommand,
  reportCommand,
  analyzersCommand,
  schemaCommand,
  distillCommand,
  convertCommand,
  acquireCommand,
  newPluginCommand,
  completionCommand,
  helpCommand,
  versionCommand,
]

function commandsFor(registry: Registry): Command[] {
  const commands = [runCommand(registry), ...general]
  const taken = commands.find(({ name }) => registry.find(name) !== undefined)
  if (taken !== undefined)
    throw new SalvorError('USAGE', `an analyzer cannot be called ${taken.name}: that is a command`)
  for (const analyzer of registry.list()) refuseReserved(analyzer)
  return [...registry.list().map(analyzerCommand), ...commands]
}

async function perform(argv: readonly string[], world: World): Promise<number> {
  const registry = await makeRegistry(argv, world)
  const commands = commandsFor(registry)
  const request = readWords(argv, commands)
  const raw = await parseArguments(request.command, request.argv)
  return request.command.run({ raw, world, registry, commands: commands.filter(({ internal }) => internal !== true) })
}

/** Runs one command line and answers its exit code; whatever fails is one line on stderr. */
export async function main(argv: readonly string[], world: World): Promise<number> {
  try {
    return await perform(argv, world)
  } catch (error) {
    if (world.signal.aborted) return exitCodes.interrupted
    const failure = toFailure(error)
    world.stderr.write(`${printable(`salvor: ${failure.message}`)}\n`)
    if (world.env.SALVOR_DEBUG === '1' && failure.stack !== undefined) {
      world.stderr.write(`${printableLines(failure.stack)}\n`)
    }
    return exitCodeOf(failure.code)
  }
}
