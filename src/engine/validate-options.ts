import type { Option } from '../api/options.js'
import { toFailure } from './errors.js'
import { checkOption, rangeOf } from './option-values.js'

const types: ReadonlySet<unknown> = new Set<Option['type']>([
  'text',
  'flag',
  'count',
  'choice',
  'list',
  'file',
  'files',
])

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** What is declared beside type and description. */
function settingsFault(option: Option): string | undefined {
  if (option.type === 'choice' && (!isTexts(option.choices) || option.choices.length === 0)) return 'has no choices'
  if (option.type === 'count') {
    const [least, most] = rangeOf(option)
    if (!Number.isSafeInteger(least) || !Number.isSafeInteger(most) || least > most) return 'has no range of numbers'
  }
  if (!('default' in option) || option.default === undefined) return undefined
  try {
    checkOption(option, option.default, 'it')
    return undefined
  } catch (error) {
    return `has a default that it does not take: ${toFailure(error).message}`
  }
}

function optionFault(name: string, option: unknown): string | undefined {
  if (!/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)) return `the option name ${JSON.stringify(name)} is not snake_case`
  // yargs takes it for another option that is switched off.
  if (name.startsWith('no_')) return `the option ${name} begins with no_`
  if (!isObject(option) || !types.has(option.type)) return `the option ${name} has no known type`
  if (typeof option.description !== 'string' || option.description === '') return `the option ${name} is not described`
  const found = settingsFault(option as unknown as Option)
  return found && `the option ${name} ${found}`
}

/** What is wrong with the options that an analyzer declares, in words, or undefined. */
export function optionsFault(options: unknown): string | undefined {
  if (options === undefined) return undefined
  if (!isObject(options)) return 'its options must be named, as its columns are'
  for (const [name, option] of Object.entries(options)) {
    const found = optionFault(name, option)
    if (found !== undefined) return found
  }
  return undefined
}
