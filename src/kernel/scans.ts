/** Scans as the core takes them. */

import { Buffer } from 'node:buffer'
import type { Pattern } from '../api/scans.js'
import { rulesOf, TASK_STRUCT } from './objects.js'

/** Hexadecimal digits in pairs, each a digit or `?`, and numbers of bytes in brackets. */
export const HEX = /^\s*(?:(?:[0-9a-f?]{2}|\[\d{1,4}(?:-\d{1,4})?\])\s*)+$/i

/** A scan with what its analyzer was given: no parameter is an option any more. */
export type ScanRequest =
  | { readonly kind: 'tasks' }
  | { readonly kind: 'bytes'; readonly patterns: readonly Pattern[]; readonly expressions?: readonly string[] }

/** What the core searches for, and the number that each has among what was asked for. */
export interface Terms {
  /** JSON, without the kind of scan. */
  readonly spec: { readonly patterns: readonly string[]; readonly expressions: readonly string[] }
  readonly numbers: readonly number[]
}

/** The JSON that the core takes. */
export function scanSpec(request: ScanRequest): string {
  switch (request.kind) {
    case 'tasks':
      return JSON.stringify({ kind: 'tasks', rules: rulesOf(TASK_STRUCT) })
    case 'bytes':
      return JSON.stringify({ kind: 'bytes', ...termsOf(request).spec })
  }
}

/** Patterns with open digits are expressions to the core, which it numbers behind the patterns. */
export function termsOf({ patterns, expressions = [] }: Omit<ScanRequest & { kind: 'bytes' }, 'kind'>): Terms {
  const numbered = [...patterns.map(termOf), ...expressions.map((expression) => ({ expression }))].map(
    (term, number) => ({ ...term, number }),
  )
  const fixed = numbered.flatMap((term) => ('bytes' in term ? [term] : []))
  const open = numbered.flatMap((term) => ('expression' in term ? [term] : []))
  return {
    spec: { patterns: fixed.map(({ bytes }) => bytes), expressions: open.map(({ expression }) => expression) },
    numbers: [...fixed, ...open].map(({ number }) => number),
  }
}

function termOf(pattern: Pattern): { bytes: string } | { expression: string } {
  if (typeof pattern === 'string') return { bytes: Buffer.from(pattern).toString('hex') }
  const digits = pattern.hex.replaceAll(/\s/g, '')
  return /[?[]/.test(digits) ? { expression: openDigits(digits) } : { bytes: digits }
}

const DIGITS = '0123456789abcdef'

/** Each byte as an expression: `??` is any, `4?` and `?4` are sixteen, `[2-4]` is so many of any kind. */
function openDigits(digits: string): string {
  return digits
    .toLowerCase()
    .replaceAll(/\[(\d+)(?:-(\d+))?\]|([0-9a-f?])([0-9a-f?])/g, (_, least, most, high, low) => {
      if (least !== undefined) return `(?s:.){${least}${most === undefined ? '' : `,${most}`}}`
      if (high === '?' && low === '?') return '(?s:.)'
      if (high === '?') return `[${[...DIGITS].map((digit) => `\\x${digit}${low}`).join('')}]`
      return low === '?' ? `[\\x${high}0-\\x${high}f]` : `\\x${high}${low}`
    })
}
