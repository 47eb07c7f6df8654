/** From the keys that a finding has of its evidence to the rows. */

import type { Value } from '../../api/columns.js'
import { jsonCell } from '../../output/values.js'
import type { ReportTable } from './table.js'

export interface EvidenceKey {
  readonly table: string
  readonly key: Readonly<Record<string, Value>>
}

function isRecord(value: Value): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The evidence of a row of `findings`; what has another form is left out. */
export function evidenceOf(findings: ReportTable, row: number): EvidenceKey[] {
  const list = findings.value(row, 'evidence')
  if (!Array.isArray(list)) return []
  return (list as readonly Value[]).flatMap((item) => {
    if (!isRecord(item) || typeof item.table !== 'string') return []
    const key = item.key ?? null
    return isRecord(key) ? [{ table: item.table, key }] : []
  })
}

/** The rows that a key names: one, or where it is an address all that show the object. None where the report lacks them. */
export function rowsNamed(table: ReportTable, key: EvidenceKey['key']): readonly number[] {
  const names = Object.keys(key)
  if (names.length === 0 || !names.every((name) => table.has(name))) return []
  const wanted = names.map((name) => {
    const column = table.head.columns[name]
    return column === undefined ? null : jsonCell(column, key[name])
  })
  const rows = table.rowsBy(names, JSON.stringify(wanted))
  // All columns of a row as its key: equal rows are one to whoever reads them.
  return names.length === table.columns.length ? rows.slice(0, 1) : rows
}

/** When something of a finding happened: the first time in the keys of its evidence, ISO 8601; null where none has one. */
export function timeOf(
  evidence: readonly EvidenceKey[],
  tables: (name: string) => ReportTable | undefined,
): string | null {
  for (const { table: name, key } of evidence) {
    const table = tables(name)
    const [row] = table === undefined ? [] : rowsNamed(table, key)
    if (table === undefined || row === undefined) continue
    for (const [column, { type }] of table.columns) {
      const value = type === 'time' ? table.string(row, column) : null
      if (value !== null) return value
    }
  }
  return null
}
