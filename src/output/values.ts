import type { Column, Value } from '../api/columns.js'
import { printable, printableJson } from './escape.js'

function hex(value: number | bigint): string {
  return value < 0 ? `-0x${(-BigInt(value)).toString(16)}` : `0x${BigInt(value).toString(16)}`
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
}

/** A value with its big integers in the form that JSON can hold: `0x…` beyond 2^53, a number below. */
export function jsonValue(value: Value | undefined): Value {
  if (value === undefined) return null
  if (typeof value === 'bigint') return isSafe(value) ? Number(value) : hex(value)
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) return hex(value)
  if (Array.isArray(value)) return value.map(jsonValue)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonValue(inner)]))
  }
  return value
}

/** The same for a cell: an address is `0x…` whatever its size. */
export function jsonCell(column: Column, value: Value | undefined): Value {
  if (
    column.type === 'address' &&
    (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)))
  ) {
    return hex(value)
  }
  return jsonValue(value)
}

/** A text of a list, quoted where a space would make two of it. */
function word(text: string): string {
  const safe = printable(text)
  return text === '' || /[\s"]/.test(text) ? `"${safe.replaceAll('"', '\\"')}"` : safe
}

/** A cell as text that is safe to print, for the formats that have nothing else; null is empty. */
export function textCell(column: Column, value: Value | undefined): string {
  const plain = jsonCell(column, value)
  if (plain === null) return ''
  if (column.type === 'artifact') return printable(String((plain as { file?: Value }).file))
  if (typeof plain === 'string') return printable(plain)
  if (Array.isArray(plain) && plain.every((item) => typeof item === 'string')) return plain.map(word).join(' ')
  return typeof plain === 'object' ? printableJson(JSON.stringify(plain)) : String(plain)
}

/** Whether the column's values line up on the right. */
export function isNumeric(column: Column): boolean {
  return column.type === 'integer' || column.type === 'count' || column.type === 'bytes'
}
