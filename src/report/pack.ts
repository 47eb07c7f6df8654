/** Tables on their way into a report, whoever has them: the run over an image, or a case. */

import { promisify } from 'node:util'
import type { Declaration } from '../api/analyzer.js'
import type { ColumnValues } from '../api/table.js'
import { require } from '../require.js'
import type { Warning } from '../warning.js'
import { packRows } from './model/columns.js'
import type { TableHead } from './model/document.js'

/** A finished table. */
export interface ReportTable {
  readonly analyzer: Declaration & { readonly area: string }
  readonly length: number
  readonly columns: Readonly<Record<string, ColumnValues>>
  readonly warnings: readonly Warning[]
  /** Why its analyzer did not reach the end. */
  readonly failed?: string
}

/** A table as the page has it: what it is, and its rows as text for an element of the page. */
export interface PackedTable {
  readonly head: Omit<TableHead, 'data'>
  readonly text: string
}

/** JSON as text that no HTML can hide in: letters, digits, `+`, `/` and `=`. */
export async function packJson(value: unknown): Promise<string> {
  const { deflateRaw } = require('node:zlib') as typeof import('node:zlib')
  const packed = await promisify(deflateRaw)(Buffer.from(JSON.stringify(value)))
  return packed.toString('base64')
}

/** The rows that are kept where there are more than the report takes: the first; of a timeline what is worth most. */
function keptRows({ analyzer, length, columns }: ReportTable, most: number): readonly number[] | null {
  if (length <= most) return null
  const all = Array.from({ length }, (_, row) => row)
  if (analyzer.name !== TIMELINE) return all.slice(0, most)
  // Files are what there are many of, and their times are anybody's to set; the newest say most about an incident.
  const sources = columns.table ?? []
  const others = all.filter((row) => sources[row] !== FILES).slice(-most)
  const room = most - others.length
  const files = room === 0 ? [] : all.filter((row) => sources[row] === FILES).slice(-room)
  return [...others, ...files].sort((left, right) => left - right)
}

const TIMELINE = 'timeline'
const FILES = 'files'

/** Packs a table, with no more than so many rows of it. */
export async function packTable(table: ReportTable, most: number): Promise<PackedTable> {
  const { analyzer, length, warnings, failed } = table
  const { name, area, summary, description, torn, columns, key, single } = analyzer
  const kept = keptRows(table, most)
  const rows =
    kept === null
      ? table.columns
      : Object.fromEntries(
          Object.entries(table.columns).map(([column, values]) => [column, kept.map((row) => values[row] ?? null)]),
        )
  const count = kept?.length ?? length
  return {
    head: {
      name,
      area,
      summary,
      columns,
      key: key ?? null,
      single: single === true,
      rows: count,
      total: length,
      warnings,
      failed: failed ?? null,
      ...(description === undefined ? {} : { description }),
      ...(torn === undefined ? {} : { torn }),
    },
    text: await packJson(packRows(columns, rows, count)),
  }
}
