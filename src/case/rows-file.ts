/** A table as a file on its way from the process that made it into a case. */

import type { Hash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Column, Columns, Value } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { jsonValue } from '../output/values.js'
import { require } from '../require.js'
import type { Warning } from '../warning.js'
import { MOST_ROW_BYTES, ROW_KEY } from './sql-types.js'

/** Half of a surrogate pair, which UTF-8 cannot hold. */
const lone = /\p{Cs}/gu
const MICROSECONDS = 1_000_000n
const MOST_TIME = 2n ** 63n - 2n

function wellFormed(text: string): string {
  return text.isWellFormed() ? text : text.replace(lone, (half) => `\\u${half.charCodeAt(0).toString(16)}`)
}

function textJson(text: string): string {
  return JSON.stringify(wellFormed(text))
}

/** Microseconds since 1970 of a time as `isoTime` writes it; null where it is none, or finer than that. */
export function microseconds(time: string): bigint | null {
  const parts = /^((?:[+-]\d{6}|\d{4})-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})0*)?Z$/.exec(time)
  const milliseconds = parts === null ? Number.NaN : Date.parse(`${parts[1]}Z`)
  if (Number.isNaN(milliseconds)) return null
  const found = (BigInt(milliseconds) / 1000n) * MICROSECONDS + BigInt((parts?.[2] ?? '').padEnd(6, '0'))
  return found > MOST_TIME || found < -MOST_TIME ? null : found
}

/** A value that is not null as JSON, with all digits of a number; null where its column cannot keep it. */
function valueJson({ type }: Column, value: NonNullable<Value>): string | null {
  switch (type) {
    case 'text':
      return textJson(String(value))
    case 'time': {
      const found = microseconds(String(value))
      return found === null ? null : String(found)
    }
    case 'integer':
    case 'count':
    case 'bytes':
    case 'address':
      return exact(value as number | bigint, type === 'address')
    default:
      return JSON.stringify(jsonValue(value), (_key, inner) => (typeof inner === 'string' ? wellFormed(inner) : inner))
  }
}

/** 64 bits of either sign. */
function exact(value: number | bigint, unsigned: boolean): string | null {
  if (Number.isSafeInteger(value) && value >= 0) return String(value)
  const whole = typeof value === 'bigint' || Number.isSafeInteger(value) ? value : BigInt(value)
  return whole >= (unsigned ? 0 : -(2n ** 63n)) && whole < 2n ** 64n ? String(whole) : null
}

/** The rows of a batch as lines, numbered from `first` on. */
export class RowLines {
  private readonly columns: readonly (readonly [string, Column])[]
  private readonly keys: readonly string[]
  /** How many values of each column could not be kept. */
  private readonly unfit = new Map<string, number>()
  private oversized = 0

  constructor(columns: Columns) {
    this.columns = Object.entries(columns)
    this.keys = this.columns.map(([name]) => `,${JSON.stringify(name)}:`)
  }

  line(row: number, value: (name: string) => Value | undefined): string {
    let line = `{"${ROW_KEY}":${row}`
    let index = 0
    for (const [name, column] of this.columns) {
      const key = this.keys[index++]
      const found = value(name) ?? null
      // What is not named is null.
      if (found === null) continue
      const json = valueJson(column, found)
      if (json === null) this.unfit.set(name, (this.unfit.get(name) ?? 0) + 1)
      else line += `${key}${json}`
    }
    line += '}\n'
    // No code unit takes more than three bytes.
    if (line.length * 3 <= MOST_ROW_BYTES || Buffer.byteLength(line) <= MOST_ROW_BYTES) return line
    this.oversized++
    return ''
  }

  warnings(analyzer: string): Warning[] {
    const unfit = [...this.unfit].map(([column, count]) => {
      return { code: 'unfit', message: 'a case cannot keep the value as its column is typed', analyzer, column, count }
    })
    if (this.oversized === 0) return unfit
    const message = `a row of more than ${MOST_ROW_BYTES} bytes is left out of the case`
    return [...unfit, { code: 'cap', message, analyzer, count: this.oversized }]
  }
}

/** Writes one table, and hashes what it writes. */
export class RowsFile {
  private readonly descriptor: number
  private readonly hash: Hash
  private readonly lines: RowLines
  rows = 0

  constructor(path: string, columns: Columns) {
    const { createHash } = require('node:crypto') as typeof import('node:crypto')
    this.hash = createHash('sha256')
    this.lines = new RowLines(columns)
    this.descriptor = openSync(path, 'wx', 0o600)
  }

  write({ columns, length }: Batch): void {
    let text = ''
    for (let index = 0; index < length; index++) {
      text += this.lines.line(this.rows++, (name) => columns[name]?.[index])
    }
    const bytes = Buffer.from(text)
    this.hash.update(bytes)
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(this.descriptor, bytes, offset)
  }

  /** Answers the SHA-256 of the rows, and what of them could not be kept. */
  close(analyzer: string): { readonly sha256: string; readonly warnings: readonly Warning[] } {
    closeSync(this.descriptor)
    return { sha256: this.hash.digest('hex'), warnings: this.lines.warnings(analyzer) }
  }
}
