import { isObject } from './validate-options.js'

/** What is wrong with the tables that something says it needs. */
export function needsFault({ needs }: { readonly needs?: unknown }): string | undefined {
  if (needs === undefined) return undefined
  if (!isObject(needs)) return "its needs must be named, as in { other: need('other') }"
  for (const [as, need] of Object.entries(needs)) {
    const made = isObject(need) && typeof need.analyzer === 'string' && typeof need.optional === 'boolean'
    if (!made || !(need.options === undefined || isObject(need.options))) {
      return `its need ${as} is not made by need() or optional()`
    }
  }
  return undefined
}
