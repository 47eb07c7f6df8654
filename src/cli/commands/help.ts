import { exitCodes } from '../../engine/status.js'
import { printableLines } from '../../output/escape.js'
import { version } from '../../version.js'
import type { Command } from '../command.js'
import { unknownCommand } from '../mistakes.js'
import { pluginOption, runOptions } from '../options.js'

function find(name: string, commands: readonly Command[]): Command {
  const found = commands.find((command) => command.name === name || command.aliases?.includes(name))
  if (found === undefined) throw unknownCommand(name, [], commands)
  return found
}

export const helpCommand: Command = {
  name: 'help',
  arguments: [{ name: 'command', kind: 'command', optional: true }],
  summary: 'Shows help: of all, or of one command',
  options: [pluginOption],
  run: async ({ raw, world, commands }) => {
    // Most runs show no help.
    const { commandHelp, mainHelp } = await import('../help.js')
    const { columns } = world.stdout
    const text =
      raw.command === undefined
        ? mainHelp(commands, runOptions, columns)
        : commandHelp(find(String(raw.command), commands), columns)
    // A plugin's own words are in it.
    world.stdout.write(`${printableLines(text)}\n`)
    return exitCodes.complete
  },
}

export const versionCommand: Command = {
  name: 'version',
  arguments: [],
  summary: 'Shows the version',
  options: [pluginOption],
  run: async ({ world }) => {
    world.stdout.write(`${version}\n`)
    return exitCodes.complete
  },
}
