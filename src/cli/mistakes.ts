/** What was probably meant by a command line that cannot be run. */

import { statSync } from 'node:fs'
import { SalvorError } from '../engine/errors.js'
import { closest } from '../engine/suggest.js'
import { anyOf } from '../engine/words.js'
import { isElsewhere } from '../intake/names.js'
import { formatNames } from '../output/format.js'
import { type Command, type Option, usageOf } from './command.js'

/** Whether there is something of that name that could be an image. */
export function isThere(path: string): boolean {
  try {
    return !statSync(path).isDirectory()
  } catch {
    // Missing, out of reach or no path at all: whoever opens it will tell.
    return false
  }
}

function looksLikePath(word: string): boolean {
  return /[./]/.test(word) || isElsewhere(word) || isThere(word)
}

/** The analyzer that examples name. */
const EXAMPLE = 'processes'

/** The first word is no command. */
export function unknownCommand(word: string, rest: readonly string[], commands: readonly Command[]): SalvorError {
  const names = commands.flatMap(({ name, aliases = [], internal }) => (internal ? [] : [name, ...aliases]))
  if (looksLikePath(word)) {
    const wanted = rest.find((other) => names.includes(other)) ?? EXAMPLE
    return new SalvorError('USAGE', `what is wanted of an image comes before it: salvor ${wanted} ${word}`)
  }
  const near = closest(word.toLowerCase(), names)
  const hint = near === undefined ? 'see: salvor --help' : `did you mean ${near}?`
  return new SalvorError('USAGE', `there is no analyzer or command ${JSON.stringify(word)}; ${hint}`)
}

/** An option or a word that the command does not take. */
export function unknownWord(word: string, argv: readonly string[], command: Command): string {
  const written = [`--${word}`, `--no-${word}`, `-${word}`]
  const option = written.find((one) => argv.some((other) => other === one || other.startsWith(`${one}=`)))
  if (option !== undefined) return unknownOption(option, command)
  // Several letters behind one dash.
  if (word.length === 1 && !argv.includes(word)) return unknownOption(`-${word}`, command)
  const [argument] = command.arguments
  if (command.columns === undefined || argument === undefined) {
    return `${JSON.stringify(word)} is one word too many: ${usageOf(command)}`
  }
  return `${command.name} takes one ${argument.kind}; several analyzers and ${argument.kind}s go with: salvor run ${command.name} ${argument.name.toUpperCase()}...`
}

function unknownOption(written: string, { name: command, options }: Command): string {
  const name = written.replace(/^-+/, '')
  const format = options.some((option) => option.name === 'format') ? closest(name, formatNames) : undefined
  const near = nearest(name, [...options.map((option) => option.name), 'help', 'version'])
  const meant = format === undefined ? near && `--${near}` : `--format ${format}`
  const hint = meant === undefined ? `see: salvor help ${command}` : `did you mean ${meant}?`
  return `${command} has no option ${written}; ${hint}`
}

/** The option that was meant; one that several analyzers have goes only with the name of one of them. */
function nearest(name: string, options: readonly string[]): string | undefined {
  const qualified = options.filter((option) => option.endsWith(`.${name}`)).map((option) => `--${option}`)
  return qualified.length > 0 ? anyOf(qualified).slice('--'.length) : closest(name, options)
}

/** An option at the end, or before another one. */
export function missingValue(name: string, { options }: { readonly options: readonly Option[] }): string {
  const option = options.find((other) => other.name === name || other.alias === name)
  return `--${option?.name ?? name} needs a value: --${option?.name ?? name} ${option?.value ?? 'VALUE'}`
}

/** Refuses a dash where a file is to be named that is no image: such a file may be read twice. */
export function refuseStandardInput(command: Command, words: readonly unknown[]): void {
  if (!words.includes('-') || !command.arguments.some(({ kind }) => kind === 'file')) return
  const advice = 'save it to a file, and name that: cat > evidence'
  throw new SalvorError('USAGE', `a file cannot be read from standard input: ${advice}`)
}
