import makeYargs, { type Argv } from 'yargs'
import { SalvorError } from '../engine/errors.js'
import { type Command, type Option, usageOf } from './command.js'
import { missingValue, unknownWord } from './mistakes.js'

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
  const raw = (await yargs.parseAsync([command.name, ...argv])) as Record<string, unknown>
  refuseEmptyValues(command, raw)
  return raw
}
