/**
 * Checkers for JSON out of a memory image. Its writer may be an attacker: nothing here throws, follows a prototype or
 * returns more than it was told to.
 */

export type Parsed<T> = { value: T; problem: null } | { value: null; problem: string }

const maximumText = 16 * 1024 * 1024
const maximumItems = 4096

export function parseObject(text: string, what: string): Parsed<object> {
  if (text.length > maximumText)
    return { value: null, problem: `${what}: ${text.length} characters, more than the limit` }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { value: null, problem: `${what}: not JSON` }
  }
  if (typeof value !== 'object' || value === null) return { value: null, problem: `${what}: not a JSON object` }
  return { value, problem: null }
}

export function field(of: unknown, ...path: string[]): unknown {
  let at = of
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}

/** The empty string counts as absent: Go writes it for every field that was not set. */
export function text(of: unknown, ...path: string[]): string | null {
  const value = field(of, ...path)
  return typeof value === 'string' && value !== '' ? value : null
}

export function integer(of: unknown, ...path: string[]): number | null {
  const value = field(of, ...path)
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null
}

export function flag(of: unknown, ...path: string[]): boolean | null {
  const value = field(of, ...path)
  return typeof value === 'boolean' ? value : null
}

export function list(of: unknown, ...path: string[]): unknown[] {
  const value = field(of, ...path)
  return Array.isArray(value) ? value.slice(0, maximumItems) : []
}

export function texts(of: unknown, ...path: string[]): string[] {
  return list(of, ...path).filter((item) => typeof item === 'string')
}

/** Members in the order of their names, so that output does not depend on the writer. */
export function members(of: unknown, ...path: string[]): [string, unknown][] {
  const value = path.length === 0 ? of : field(of, ...path)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.keys(value)
    .sort()
    .slice(0, maximumItems)
    .map((name) => [name, (value as Record<string, unknown>)[name]])
}

export function textMap(of: unknown, ...path: string[]): Map<string, string> {
  const map = new Map<string, string>()
  for (const [name, value] of members(of, ...path)) if (typeof value === 'string') map.set(name, value)
  return map
}
