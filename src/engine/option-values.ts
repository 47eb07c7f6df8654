import type { CountOption, Option, OptionData, Options, OptionsData } from '../api/options.js'
import { SalvorError } from './errors.js'
import { closest } from './suggest.js'
import { choice } from './words.js'

/** What an option holds that nobody gave. */
export function defaultOf(option: Option): OptionData {
  switch (option.type) {
    case 'flag':
      return false
    case 'list':
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

/** The options that one analyzer gives to another whose table it needs. */
export function readNeededOptions(
  needing: string,
  needed: { readonly name: string; readonly options?: Options },
  given: OptionsData,
): OptionsData {
  const declared = needed.options ?? {}
  const subject = `the analyzer ${needing} needs ${needed.name} with an option`
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(declared, name)) {
      const near = closest(name, Object.keys(declared))
      throw new SalvorError('USAGE', `${subject} that it lacks, ${name}${near ? `; did you mean ${near}?` : ''}`)
    }
    if (declared[name]?.type === 'file') {
      throw new SalvorError('USAGE', `${subject} that only the user can give, for it is a file: ${name}`)
    }
  }
  return readOptions(declared, given, (option) => `${subject} of the wrong kind: ${option}`)
}
