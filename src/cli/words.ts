import { SalvorError } from '../engine/errors.js'
import { nameMeant } from '../engine/names.js'
import type { Command, Option } from './command.js'
import { missingValue, refuseStandardInput, unknownCommand } from './mistakes.js'
import { pluginOption } from './options.js'

/** A command line taken apart: which command, and what it is given. */
export interface Request {
  readonly command: Command
  readonly argv: readonly string[]
}

/** The values of --plugin, needed before the commands are known that the plugins add. */
export function pluginArguments(argv: readonly string[]): string[] {
  return argv.flatMap((argument, index) => {
    if (argument.startsWith('--plugin=')) return argument.slice('--plugin='.length)
    if (argument !== '--plugin') return []
    const value = argv[index + 1]
    if (value === undefined || value.startsWith('-')) {
      throw new SalvorError('USAGE', missingValue('plugin', { options: [pluginOption] }))
    }
    return value
  })
}

function takesValue(word: string, options: readonly Option[]): boolean {
  return options.some(({ name, alias, value }) => {
    return value !== undefined && (word === `--${name}` || (alias !== undefined && word === `-${alias}`))
  })
}

/** Where the words stand that are neither options nor values of options; a single dash is a word. */
export function wordsIn(argv: readonly string[], options: readonly Option[]): number[] {
  const found: number[] = []
  let value = false
  for (const [index, word] of argv.entries()) {
    if (!value && (word === '-' || !word.startsWith('-'))) found.push(index)
    value = !value && takesValue(word, options)
  }
  return found
}

/** yargs takes a value that begins with a dash for an option, and `--sort -started` means one. */
function joinSort(argv: readonly string[]): string[] {
  const joined: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const [word = '', next] = argv.slice(index, index + 2)
    const descends = word === '--sort' && next !== undefined && /^-[a-z]/.test(next)
    joined.push(descends ? `${word}=${next}` : word)
    if (descends) index++
  }
  return joined
}

function asked(argv: readonly string[], ...names: string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? argv.length : end).some((word) => names.includes(word))
}

/** Finds the command that a command line names; help and the version are commands as well, however they are asked for. */
export function readWords(argv: readonly string[], commands: readonly Command[]): Request {
  const byName = new Map(
    commands.flatMap((command) => [command.name, ...(command.aliases ?? [])].map((name) => [name, command] as const)),
  )
  const find = (word: string): Command => {
    const found = byName.get(nameMeant(word, byName) ?? '')
    if (found === undefined) throw unknownCommand(word, argv, commands)
    return found
  }
  const options = commands.flatMap((command) => command.options)
  const [at = argv.length] = wordsIn(argv, options)
  const word = argv[at]
  if (asked(argv, '--version', '-v')) return { command: find('version'), argv: [] }
  if (asked(argv, '--help', '-h')) {
    return { command: find('help'), argv: word === undefined || word === 'help' ? [] : [find(word).name] }
  }
  if (word === undefined) throw new SalvorError('USAGE', 'no command given; see: salvor --help')
  const rest = [...argv.slice(0, at), ...argv.slice(at + 1)]
  const named = find(word)
  const command = named.narrowed?.(rest) ?? named
  refuseStandardInput(
    command,
    wordsIn(rest, command.options).map((index) => rest[index]),
  )
  return { command, argv: joinSort(rest) }
}
