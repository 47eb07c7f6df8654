/** Which rows of a table are shown, and in which order. */

import type { Value } from '../../api/columns.js'
import type { ReportTable } from './table.js'

export interface SortKey {
  readonly column: string
  readonly descending: boolean
}

/** Words that all have to be somewhere in a row; `column:word` asks one column, and `-` before it turns it round. */
interface Term {
  readonly column: string | null
  readonly word: string
  readonly negated: boolean
}

/** Terms of a filter, with what stands in quotes as one. */
export function parseFilter(text: string, columns: ReadonlySet<string>): Term[] {
  const parts = text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []
  return parts.flatMap((part) => {
    const negated = part.length > 1 && part.startsWith('-')
    const plain = (negated ? part.slice(1) : part).toLowerCase()
    const at = plain.indexOf(':')
    const named = at > 0 && columns.has(plain.slice(0, at))
    const word = (named ? plain.slice(at + 1) : plain).replaceAll('"', '')
    return word === '' ? [] : [{ column: named ? plain.slice(0, at) : null, word, negated }]
  })
}

/** The rows in which all terms hold. */
export function filterRows(table: ReportTable, rows: readonly number[], text: string): readonly number[] {
  const names = table.columns.map(([name]) => name)
  const terms = parseFilter(text, new Set(names)).map(({ column, word, negated }) => {
    const asked = column === null ? names : [column]
    const testers = asked.map((name) => table.tester(name, (cell) => cell.toLowerCase().includes(word)))
    return (row: number) => testers.some((tester) => tester(row)) !== negated
  })
  return terms.length === 0 ? rows : rows.filter((row) => terms.every((holds) => holds(row)))
}

const ADDRESS = /^-?0x[0-9a-f]+$/

/** A value as something that is compared: addresses and numbers beyond 2^53 are `0x…` texts. */
function comparable(value: Value, numeric: boolean): number | bigint | string {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'string' && numeric && ADDRESS.test(value))
    return value.startsWith('-') ? -BigInt(value.slice(1)) : BigInt(value)
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const NUMERIC: ReadonlySet<string> = new Set(['integer', 'count', 'bytes', 'address'])
const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical']

/** The rows in order, nulls last; equal ones stay as they were. */
export function sortRows(table: ReportTable, rows: readonly number[], key: SortKey | null): readonly number[] {
  const column = key === null ? undefined : table.head.columns[key.column]
  if (key === null || column === undefined) return rows
  const values = table.column(key.column)
  const ranked = key.column === 'severity'
  const keys = new Map<number, number | bigint | string | null>()
  for (const row of rows) {
    const value = values[row] ?? null
    const rank = ranked ? SEVERITIES.indexOf(String(value)) : -1
    keys.set(row, value === null ? null : rank >= 0 ? rank : comparable(value, NUMERIC.has(column.type)))
  }
  const sign = key.descending ? -1 : 1
  return [...rows].sort((left, right) => {
    const [one = null, other = null] = [keys.get(left), keys.get(right)]
    if (one === null || other === null) return Number(one === null) - Number(other === null)
    return (one < other ? -1 : one > other ? 1 : 0) * sign
  })
}
