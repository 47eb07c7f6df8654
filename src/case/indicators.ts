/** Lists of indicators: STIX 2.1 bundles, MISP events, and texts with one a line. */

import { SalvorError } from '../engine/errors.js'
import { readAsked } from './asked-file.js'
import { type Found, type Indicator, readIndicator, type Unsearched } from './indicator.js'
import { ofAttribute } from './misp.js'
import { isObservable, ofPattern } from './stix.js'

/** What a list has: nothing in it is left out without a word. */
export interface IndicatorList {
  readonly indicators: readonly Indicator[]
  readonly unsearched: readonly Unsearched[]
}

function ofStix(indicator: Readonly<Record<string, unknown>>): Iterable<Found> {
  const { pattern, pattern_type = 'stix', revoked } = indicator
  if (revoked === true) return [{ what: 'revoked indicator', why: 'who made it takes it back' }]
  if (pattern_type === 'yara' && typeof pattern === 'string') return [{ kind: 'yara', value: pattern }]
  if (pattern_type === 'stix' && typeof pattern === 'string') return ofPattern(pattern)
  return [{ what: `pattern of ${String(pattern_type)}`, why: 'its language is not read' }]
}

/** Everything in a document that is an indicator, at any depth. */
function* walk(node: unknown): Generator<Found> {
  if (Array.isArray(node)) for (const item of node) yield* walk(item)
  else if (typeof node === 'object' && node !== null) {
    const object = node as Readonly<Record<string, unknown>>
    const { type, id, Attribute } = object
    if (type === 'indicator' && 'pattern' in object) yield* ofStix(object)
    // An observable of STIX has an id; what is called so elsewhere has none.
    else if (typeof id === 'string' && isObservable(String(type)))
      yield { what: `observable ${type}`, why: 'it is what was seen, and no indicator' }
    if (Array.isArray(Attribute)) for (const attribute of Attribute) yield* ofAttribute(attribute)
    for (const inner of Object.values(object)) yield* walk(inner)
  }
}

function listOf(found: Iterable<Found>): IndicatorList {
  const indicators = new Map<string, Indicator>()
  const unsearched: Unsearched[] = []
  for (const one of found) {
    if ('kind' in one) indicators.set(JSON.stringify(one), one)
    else unsearched.push(one)
  }
  return { indicators: [...indicators.values()], unsearched }
}

/** A list of indicators: a STIX bundle, a MISP event, or one a line with # before remarks. */
export function readList(path: string): IndicatorList {
  const text = readAsked(path)
  if (!/^\s*[{[]/.test(text)) {
    const lines = text.split(/\r?\n/).map((line) => line.trim())
    return listOf(lines.filter((line) => line !== '' && !line.startsWith('#')).map(readIndicator))
  }
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw new SalvorError('USAGE', `${path} is neither JSON nor a list`, { cause: error })
  }
  const list = listOf(walk(document))
  if (list.indicators.length + list.unsearched.length === 0)
    throw new SalvorError('USAGE', `${path} has no STIX pattern or MISP attribute that can be hunted`)
  return list
}

/** Each reason once, with how often it was one. */
export function unsearchedLines(unsearched: readonly Unsearched[]): string[] {
  const counts = new Map<string, number>()
  for (const { what, why } of unsearched) {
    const line = `not searched: ${what}: ${why}`
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return [...counts].map(([line, count]) => (count === 1 ? line : `${line} (${count} times)`))
}
