import makeYargs, { type Argv } from 'yargs'
import { SalvorError } from '../engine/errors.js'
import { type Command, type Option, usageOf } from './command.js'
import { missingValue, unknownWord } from './mistakes.js'
import { wordsIn } from './words.js'

function addOption(yargs: Argv, { name, alias, value, repeatable }: Option): Argv {
  const short = alias === undefined ? {} : { alias }
  if (value !== undefined) return yargs.option(name, { ...short, type: 'string', nargs: 1, array: repeatable === true })
  // yargs reads `--no-x` as x switched off.
  if (name.startsWith('no-')) return yargs.option(name.slice('no-'.length), { type: 'boolean', default: true })
  return yargs.option(name, { ...short, type: 'boolean' })
}

function pattern({ name, arguments: list }: Command): string {
  const words = list.map(({ name, optional, several }) => {
    const word = `${name}${several ? '..' : ''}`
    return optional ? `[${word}]` : `<${word}>`
  })
  return [name, ...words].join(' ')
}

/** What yargs says, in words that tell what to do. */
function explain(message: string, argv: readonly string[], command: Command): string {
  const [, word] = /^Unknown arguments?: ([^,]+)/.exec(message) ?? []
  if (word !== undefined) return unknownWord(word, argv, command)
  const [, option] = /^Not enough arguments following: (.+)$/.exec(message) ?? []
  if (option !== undefined) return missingValue(option, command)
  if (message.startsWith('Not enough non-option')) return `an argument is missing: ${usageOf(command)}`
  return message.replaceAll('\n', ' ')
}

/** yargs takes whatever follows a switch for no. */
function refuseSwitchValues({ options }: Command, argv: readonly string[]): void {
  const switches = options.filter(({ value }) => value === undefined).map(({ name }) => `--${name}`)
  const found = switches.find((name) => argv.some((word) => word.startsWith(`${name}=`)))
  if (found !== undefined) throw new SalvorError('USAGE', `${found} takes no value`)
}

/** An empty value is a shell variable that was not set: to go on without the option would show what was not asked for. */
function refuseEmptyValues(command: Command, raw: Readonly<Record<string, unknown>>): void {
  const given = ({ name, value }: Option) => (value === undefined ? [] : [raw[name] ?? []].flat())
  const nothing = ({ own }: Option) => (own ? /^$/ : /^[\s,]*$/)
  const empty = command.options.find((option) => given(option).some((value) => nothing(option).test(String(value))))
  if (empty !== undefined) throw new SalvorError('USAGE', missingValue(empty.name, command))
}

/** No word of a command line has such a character. */
const DASH = '\0-'

/** yargs loses a dash that stands for itself: it goes through under another name. */
function hideDashes(command: Command, argv: readonly string[]): string[] {
  const words = new Set(wordsIn(argv, command.options))
  return argv.map((word, index) => (word === '-' && words.has(index) ? DASH : word))
}

function showDashes(command: Command, raw: Record<string, unknown>): Record<string, unknown> {
  const shown = (value: unknown): unknown => (value === DASH ? '-' : Array.isArray(value) ? value.map(shown) : value)
  const values = command.arguments.flatMap(({ name }) => (name in raw ? [[name, shown(raw[name])]] : []))
  return { ...raw, ...Object.fromEntries(values) }
}

/** Parses one command's arguments: yargs prints nothing, ends nothing and runs nothing by itself. */
export async function parseArguments(command: Command, argv: readonly string[]): Promise<Record<string, unknown>> {
  refuseSwitchValues(command, argv)
  const yargs = makeYargs([])
    .parserConfiguration({ 'parse-positional-numbers': false, 'parse-numbers': false, 'dot-notation': false })
    .locale('en')
    .strict()
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail((message: string, error?: Error) => {
      if (error !== undefined && error.name !== 'YError') throw error
      throw new SalvorError('USAGE', explain(message, argv, command))
    })
    .command({
      command: pattern(command),
      builder: (inner: Argv) => {
        for (const { name } of command.arguments) inner.positional(name, { type: 'string' })
        for (const option of command.options) addOption(inner, option)
        return inner
      },
      handler: () => {},
    })
  const raw = (await yargs.parseAsync([command.name, ...hideDashes(command, argv)])) as Record<string, unknown>
  refuseEmptyValues(command, raw)
  return showDashes(command, raw)
}
