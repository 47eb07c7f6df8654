/** What the formats for events and detections have in common: rows as plain values. */

import type { Column, Value } from '../../api/columns.js'
import type { Batch } from '../../api/table.js'
import { printableJson } from '../escape.js'
import type { TableHead } from '../format.js'
import { jsonCell } from '../values.js'

export type PlainRow = Readonly<Record<string, Value>>

export function* plainRows(head: TableHead, batch: Batch): Generator<PlainRow> {
  const columns = Object.entries(head.columns)
  for (let index = 0; index < batch.length; index++) {
    yield Object.fromEntries(columns.map(([name, column]) => [name, jsonCell(column, batch.columns[name]?.[index])]))
  }
}

/** JSON on one line in which no character of an image does anything to a terminal. */
export function encoded(value: unknown): string {
  return printableJson(JSON.stringify(value))
}

/** A line of text about a row, for people who look through events: what it has, but addresses and what is left to detail. */
export function summaryOf({ table, columns }: TableHead, row: PlainRow): string {
  const shown = Object.entries(columns).flatMap(([name, { detail, type }]: [string, Column]) => {
    const value = row[name] ?? null
    if (value === null || detail === true || type === 'address' || type === 'time' || type === 'record') return []
    const text = Array.isArray(value) ? value.join(' ') : String(value)
    return text === '' ? [] : [`${name}=${text}`]
  })
  const line = `${table}: ${shown.join(' ')}`
  return line.length > MOST_SUMMARY ? `${line.slice(0, MOST_SUMMARY - 1)}…` : line
}

const MOST_SUMMARY = 1000

/** A path as a URI reference, with every character in it taken for itself. */
export function uriOf(path: string): string {
  const segments = path
    .replace(/\p{Cs}/gu, '\ufffd')
    .split('/')
    .map(encodeURIComponent)
    .join('/')
  return path.startsWith('/') ? `file://${segments}` : segments
}
