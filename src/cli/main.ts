import type { Argv } from 'yargs'
import { SalvorError, toFailure } from '../engine/errors.js'
import { Registry } from '../engine/registry.js'
import { exitCodeOf, exitCodes } from '../engine/status.js'
import { printable } from '../output/escape.js'
import type { Command } from './command.js'
import { analyzerCommand } from './commands/analyzer.js'
import { analyzersCommand } from './commands/analyzers.js'
import { distillCommand } from './commands/distill.js'
import { newPluginCommand } from './commands/new-plugin.js'
import { runCommand } from './commands/run.js'
import { schemaCommand } from './commands/schema.js'
import type { World } from './world.js'
import { createYargs } from './yargs.js'

/** The values of --plugin, needed before the commands are known that the plugins add. */
export function pluginArguments(argv: readonly string[]): string[] {
  return argv.flatMap((argument, index) => {
    if (argument === '--plugin') return argv[index + 1] ?? []
    return argument.startsWith('--plugin=') ? argument.slice('--plugin='.length) : []
  })
}

async function makeRegistry(argv: readonly string[], world: World): Promise<Registry> {
  const registry = Registry.builtin()
  for (const specifier of pluginArguments(argv)) {
    const { loadUserPlugin } = await import('../engine/load.js')
    for (const analyzer of await loadUserPlugin(specifier, world.directory)) registry.add(analyzer)
  }
  return registry
}

function commandsFor(registry: Registry): Command[] {
  const general = [runCommand, analyzersCommand, schemaCommand, distillCommand, newPluginCommand]
  const taken = general.find(({ name }) => registry.find(name) !== undefined)
  if (taken !== undefined)
    throw new SalvorError('USAGE', `an analyzer cannot be called ${taken.name}: that is a command`)
  return [...registry.list().map(analyzerCommand), ...general]
}

/** Lets yargs parse, and answers what it wants to print or the command to run. */
async function parse(
  argv: readonly string[],
  world: World,
  registry: Registry,
): Promise<{ output: string } | { run: () => Promise<number> }> {
  const commands = commandsFor(registry)
  const [first] = argv
  const known = commands.some(({ name, aliases }) => name === first || aliases?.includes(first ?? ''))
  if (first !== undefined && !first.startsWith('-') && !known) registry.get(first)
  let chosen: (() => Promise<number>) | undefined
  const yargs: Argv = createYargs(world.stdout.columns)
  for (const command of commands) {
    yargs.command({
      command: [command.usage, ...(command.aliases ?? [])],
      describe: command.summary,
      builder: (inner) => command.options(inner, registry),
      handler: (raw) => {
        chosen = () => command.run({ raw, world, registry })
      },
    })
  }
  let output = ''
  await yargs.parseAsync([...argv], {}, (error: Error | undefined, _parsed: unknown, text: string) => {
    if (error) throw error
    output = text
  })
  return chosen === undefined ? { output } : { run: chosen }
}

async function perform(argv: readonly string[], world: World): Promise<number> {
  const parsed = await parse(argv, world, await makeRegistry(argv, world))
  if ('run' in parsed) return parsed.run()
  world.stdout.write(`${parsed.output}\n`)
  return exitCodes.complete
}

/** Runs one command line and answers its exit code; whatever fails is one line on stderr. */
export async function main(argv: readonly string[], world: World): Promise<number> {
  try {
    return await perform(argv, world)
  } catch (error) {
    if (world.signal.aborted) return exitCodes.interrupted
    const failure = toFailure(error)
    world.stderr.write(`${printable(`salvor: ${failure.message}`)}\n`)
    if (world.env.SALVOR_DEBUG === '1' && failure.stack !== undefined) world.stderr.write(`${failure.stack}\n`)
    return exitCodeOf(failure.code)
  }
}
