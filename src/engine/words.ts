import { SalvorError } from './errors.js'
import { closest } from './suggest.js'

/** Words as a sentence lists them. */
export function anyOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** How an option is written: `min_size` as `min-size`. */
export function flagOf(name: string): string {
  return name.replaceAll('_', '-')
}

/** A value that can only be one of some words, or an error that says which and which is nearest. */
export function choice<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const found = choices.find((one) => one === value)
  if (found !== undefined) return found
  const near = closest(value.toLowerCase(), choices)
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  throw new SalvorError('USAGE', `${option} takes ${anyOf(choices)}, not ${JSON.stringify(value)}${hint}`)
}
