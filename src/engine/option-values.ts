import type { CountOption, HandedOn, Option, OptionData, Options, OptionsData, OptionsNeeded } from '../api/options.js'
import { SalvorError } from './errors.js'
import { closest } from './suggest.js'
import { choice } from './words.js'

/** What an option holds that nobody gave. */
export function defaultOf(option: Option): OptionData {
  switch (option.type) {
    case 'flag':
      return false
    case 'list':
    case 'files':
      return []
    case 'file':
      return null
    default:
      return option.default ?? null
  }
}

/** Whether an option holds more than nothing. */
function isGiven(value: OptionData | undefined): boolean {
  return value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0)
}

/** Whether a table can be made with these values: at least one of the options that it asks for must be given. */
export function hasAsked({ asks }: { readonly asks?: readonly string[] }, values: OptionsData): boolean {
  return asks === undefined || asks.some((name) => isGiven(values[name]))
}

/** The least and the most that a number can be. */
export function rangeOf({ least = 0, most = Number.MAX_SAFE_INTEGER }: CountOption): readonly [number, number] {
  return [least, most]
}

/** The same in words. */
export function rangeWords(option: CountOption): string {
  const [least, most] = rangeOf(option)
  return option.most === undefined ? `from ${least} on` : `from ${least} to ${most}`
}

function refuse(name: string, takes: string, value: OptionData): never {
  throw new SalvorError('USAGE', `${name} takes ${takes}, not ${JSON.stringify(value)}`)
}

/** Holds a value to what is declared of its option; the error calls it by the name that whoever gave it knows. */
export function checkOption(option: Option, value: OptionData, name: string): void {
  switch (option.type) {
    case 'text':
    case 'file':
      if (typeof value !== 'string' || value === '') refuse(name, option.type === 'text' ? 'a text' : 'a file', value)
      return
    case 'flag':
      if (typeof value !== 'boolean') refuse(name, 'true or false', value)
      return
    case 'list':
      if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) refuse(name, 'texts', value)
      return
    case 'files':
      if (!Array.isArray(value) || !value.every((item) => typeof item === 'string' && item !== ''))
        refuse(name, 'files', value)
      return
    case 'choice':
      choice(name, String(value), option.choices)
      return
    case 'count': {
      const [least, most] = rangeOf(option)
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return
      refuse(name, `a number ${rangeWords(option)}`, value)
    }
  }
}

/**
 * The values of all options of an analyzer: the given ones, checked, and the defaults of the others. In the order in
 * which they are declared, so that the same values always read the same.
 */
export function readOptions(
  declared: Options | undefined,
  given: OptionsData,
  nameOf: (option: string) => string,
): OptionsData {
  const values: Record<string, OptionData> = {}
  for (const [name, option] of Object.entries(declared ?? {})) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (value !== undefined) checkOption(option, value, nameOf(name))
    values[name] = value ?? defaultOf(option)
  }
  return values
}

/** Files are for the user to name; an analyzer can only hand on what it was given itself. */
const FILES: ReadonlySet<Option['type'] | undefined> = new Set(['file', 'files'] as const)

/** Something of which options are known, with what they hold. */
interface Holding {
  readonly name: string
  readonly options?: Options
}

/** The options that one analyzer gives to another whose table it needs; `own` are the values of its own. */
export function readNeededOptions(
  needing: Holding,
  own: OptionsData,
  needed: Holding,
  given: OptionsNeeded,
): OptionsData {
  const declared = needed.options ?? {}
  const subject = `the analyzer ${needing.name} needs ${needed.name} with an option`
  const values: Record<string, OptionData> = {}
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(declared, name)) {
      const near = closest(name, Object.keys(declared))
      throw new SalvorError('USAGE', `${subject} that it lacks, ${name}${near ? `; did you mean ${near}?` : ''}`)
    }
    if (isHandedOn(value)) {
      const from = Object.hasOwn(needing.options ?? {}, value.option) ? needing.options?.[value.option] : undefined
      if (from?.type !== declared[name]?.type) {
        const what = `${name} is to be its own option ${value.option}, which is none of the same type`
        throw new SalvorError('USAGE', `${subject} of the wrong kind: ${what}`)
      }
      const held = own[value.option]
      if (held !== undefined && held !== null) values[name] = held
    } else if (FILES.has(declared[name]?.type)) {
      throw new SalvorError('USAGE', `${subject} that only the user can give, for it is a file: ${name}`)
    } else values[name] = value
  }
  return readOptions(declared, values, (option) => `${subject} of the wrong kind: ${option}`)
}

function isHandedOn(value: OptionData | HandedOn): value is HandedOn {
  return typeof value === 'object' && value !== null && 'option' in value
}
