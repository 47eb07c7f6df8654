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

/** The row that a key names. Null where the report does not hold it, or where the key names several. */
export function resolveKey(table: ReportTable, key: EvidenceKey['key']): number | null {
  const names = Object.keys(key)
  if (names.length === 0 || !names.every((name) => table.has(name))) return null
  const wanted = names.map((name) => {
    const column = table.head.columns[name]
    return column === undefined ? null : jsonCell(column, key[name])
  })
  const rows = table.rowsBy(names, JSON.stringify(wanted))
  // All columns of a row as its key: equal rows are one to whoever reads them.
  const same = names.length === table.columns.length
  return rows.length === 1 || (same && rows.length > 0) ? (rows[0] ?? null) : null
}

/** When something of a finding happened: the first time in the keys of its evidence, ISO 8601; null where none has one. */
export function timeOf(
  evidence: readonly EvidenceKey[],
  tables: (name: string) => ReportTable | undefined,
): string | null {
  for (const { table: name, key } of evidence) {
    const table = tables(name)
    const row = table === undefined ? null : resolveKey(table, key)
    if (table === undefined || row === null) continue
    for (const [column, { type }] of table.columns) {
      const value = type === 'time' ? table.string(row, column) : null
      if (value !== null) return value
    }
  }
  return null
}
