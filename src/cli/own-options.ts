/** The options that analyzers declare, as the command line has them. */

import type { Option as Declared, OptionData, OptionsData } from '../api/options.js'
import { SalvorError, toFailure } from '../engine/errors.js'
import { checkFile } from '../engine/evidence-file.js'
import { rangeWords, readOptions } from '../engine/option-values.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import { anyOf, flagOf } from '../engine/words.js'
import type { Option } from './command.js'
import { artifactOption, runOptions } from './options.js'

type Raw = Readonly<Record<string, unknown>>

function placeholder(option: Declared): { value: string } | undefined {
  switch (option.type) {
    case 'flag':
      return undefined
    case 'count':
      return { value: 'N' }
    case 'file':
    case 'files':
      return { value: 'FILE' }
    case 'choice':
      return { value: 'WORD' }
    default:
      return { value: 'TEXT' }
  }
}

/** Whether each time that it is given adds a value. */
function isRepeatable({ type }: Declared): boolean {
  return type === 'list' || type === 'files'
}

/** What help says of the values that an option takes. */
function remarks(option: Declared): string[] {
  const words: string[] = []
  if (option.type === 'choice') words.push(anyOf(option.choices))
  if (option.type === 'count' && (option.least !== undefined || option.most !== undefined))
    words.push(rangeWords(option))
  if (isRepeatable(option)) words.push('can be repeated')
  if ('example' in option && option.example !== undefined) words.push(`for example ${option.example}`)
  if ('default' in option && option.default !== undefined) words.push(`default: ${option.default}`)
  return words
}

function asOption(name: string, declared: Declared): Option {
  const words = remarks(declared)
  return {
    name,
    summary: `${declared.description}${words.length === 0 ? '' : ` (${words.join('; ')})`}`,
    own: true,
    ...placeholder(declared),
    ...(isRepeatable(declared) ? { repeatable: true } : {}),
    ...(declared.type === 'choice' ? { choices: declared.choices } : {}),
  }
}

/** An analyzer's options for a command of its own, or qualified by its name for a command of several. */
export function ownOptions({ name: analyzer, options = {} }: KnownAnalyzer, qualified = false): Option[] {
  return Object.entries(options).map(([name, declared]) =>
    asOption(qualified ? `${analyzer}.${flagOf(name)}` : flagOf(name), declared),
  )
}

/** The options that go without a name before them where these analyzers run together: those that only one has. */
export function unambiguous(analyzers: readonly KnownAnalyzer[]): ReadonlySet<string> {
  const all = analyzers.flatMap(({ options = {} }) => Object.keys(options).map(flagOf))
  return new Set(all.filter((flag) => all.indexOf(flag) === all.lastIndexOf(flag)))
}

/** Words that an analyzer's option cannot be called: they are salvor's options, or stand for arguments. */
const reserved: ReadonlySet<string> = new Set([
  ...[...runOptions, artifactOption].flatMap(({ name, alias }) => [
    name.replace(/^no-/, ''),
    ...(alias === undefined ? [] : [alias]),
  ]),
  ...['help', 'h', 'version', 'v', 'image', 'file', 'names'],
])

/** An option of an analyzer that is called like one of salvor's own is the plugin's mistake. */
export function refuseReserved({ name, options = {}, plugin }: KnownAnalyzer): void {
  const taken = Object.keys(options).find((option) => reserved.has(flagOf(option)))
  if (taken === undefined) return
  throw new SalvorError(
    'USAGE',
    `the plugin ${plugin.location} exports ${JSON.stringify(name)}, but its option ${taken} is one of salvor's own`,
  )
}

/** One value as declared, of what yargs has for it; what it cannot be is left for the check that follows. */
function dataOf(declared: Declared, given: unknown): OptionData {
  if (declared.type === 'flag') return given === true
  const texts = [given].flat().map(String)
  if (isRepeatable(declared)) return texts
  const last = texts.at(-1) ?? ''
  return declared.type === 'count' && /^-?\d+$/.test(last) ? Number(last) : last
}

function checkOptionFile(flag: string, path: string): void {
  try {
    checkFile(path)
  } catch (error) {
    throw new SalvorError('USAGE', `--${flag}: ${toFailure(error).message}`, { cause: error })
  }
}

/**
 * The values of an analyzer's options from a parsed command line, in which each may have several names. Throws where one
 * is not what it takes, and where a file is not one that can be read.
 */
export function readOwnOptions(
  { options = {} }: KnownAnalyzer,
  raw: Raw,
  namesOf: (flag: string) => readonly string[],
) {
  const given: Record<string, OptionData> = {}
  const written: Record<string, string> = {}
  for (const [name, declared] of Object.entries(options)) {
    const [flag, other] = namesOf(flagOf(name)).filter((candidate) => raw[candidate] !== undefined)
    if (flag === undefined) continue
    if (other !== undefined) throw new SalvorError('USAGE', `--${flag} and --${other} are the same option: give one`)
    const value = dataOf(declared, raw[flag])
    for (const path of pathsOf(declared, value)) checkOptionFile(flag, path)
    given[name] = value
    written[name] = `--${flag}`
  }
  return readOptions(options, given, (name) => written[name] ?? name)
}

/** The files that the value of an option names. */
function pathsOf({ type }: Declared, value: OptionData): readonly string[] {
  if (type === 'file' && typeof value === 'string') return [value]
  return type === 'files' && Array.isArray(value) ? value : []
}

/** The files that an analyzer's options name. */
export function filesOf({ options = {} }: KnownAnalyzer, values: OptionsData): string[] {
  return Object.entries(options).flatMap(([name, declared]) => pathsOf(declared, values[name] ?? null))
}
