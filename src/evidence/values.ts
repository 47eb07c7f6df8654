/** Checkers for what evidence says, beside those for JSON. Nothing here throws. */

import { field } from '../containers/json.js'
import { isoTime } from '../iso-time.js'

/** Longer texts of one value are cut: nobody reads them, and rows are many. */
const MOST_TEXT = 4096

/** JSON, or undefined where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A text that says something, cut where it is long. */
export function told(of: unknown, ...path: string[]): string | null {
  const value = field(of, ...path)
  return typeof value === 'string' && value !== '' ? value.slice(0, MOST_TEXT) : null
}

/** A number, also where it is written as a text. */
export function numeral(value: unknown): number | null {
  if (typeof value === 'string' && /^-?\d{1,15}(?:\.\d{1,6})?$/.test(value)) return Number(value)
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

/** The items of a list, all of them: a file's size bounds them. */
export function items(of: unknown, ...path: string[]): readonly unknown[] {
  const value = field(of, ...path)
  return Array.isArray(value) ? value : []
}

/** A time as RFC 3339 writes it, in UTC with microseconds as everywhere; null where it is none. */
export function moment(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 40) return null
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)$/.exec(value)
  if (found === null) return null
  const [, seconds = '', fraction = '', zone = ''] = found
  const milliseconds = Date.parse(`${seconds}${zone}`)
  // What Go writes for a time that is not set.
  if (Number.isNaN(milliseconds) || seconds.startsWith('0001-')) return null
  return isoTime(BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0') || '0'))
}

/** Seconds, milliseconds or nanoseconds since 1970, told by their size. */
export function sinceEpoch(value: unknown): string | null {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (typeof text !== 'string' || !/^\d{1,19}$/.test(text)) return null
  const unit = text.length > 16 ? 1n : text.length > 11 ? 1_000_000n : 1_000_000_000n
  return isoTime(BigInt(text) * unit)
}
