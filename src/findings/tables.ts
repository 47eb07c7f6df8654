/** Tables as rules read them: rows made once, indexes made once, and each row traced to its table. */

import type { Row, Value } from '../api/columns.js'
import type { Need, OptionalTable } from '../api/needs.js'
import { needName, type RuleTable } from '../api/rule.js'
import type { Table } from '../api/table.js'
import { append } from '../append.js'
import type { Warning } from '../warning.js'

/** A row as a finding refers to it. */
export interface EvidenceKey {
  table: string
  key: Record<string, Value>
}

class ReadTable implements RuleTable {
  private read: readonly Row[] | undefined
  private readonly indexes = new Map<string, Map<Value, Row[]>>()

  constructor(
    readonly table: Table,
    private readonly owners: WeakMap<object, Table>,
  ) {}

  get rows(): readonly Row[] {
    if (this.read === undefined) {
      this.read = [...this.table.rows()]
      for (const row of this.read) this.owners.set(row, this.table)
    }
    return this.read
  }

  where(column: string, value: Value): readonly Row[] {
    let index = this.indexes.get(column)
    if (index === undefined) {
      index = new Map()
      for (const row of this.rows) append(index, (row[column] ?? null) as Value, row)
      this.indexes.set(column, index)
    }
    return index.get(value) ?? []
  }
}

/** What is read of a table, or why it is not there. */
export type Given =
  | { readonly table: RuleTable; readonly partial: readonly Warning[] }
  | { readonly table: null; readonly why: string }

/** All tables of a run, each opened for rules when one asks. */
export class ReadTables {
  private readonly opened = new Map<string, ReadTable>()
  private readonly owners = new WeakMap<object, Table>()

  constructor(private readonly tables: Readonly<Record<string, OptionalTable>>) {}

  get(need: Need): Given {
    const name = needName(need)
    const given = this.tables[name]
    if (given === undefined || given.table === null) {
      return { table: null, why: given?.why ?? 'it was not made' }
    }
    let read = this.opened.get(name)
    if (read === undefined) {
      read = new ReadTable(given.table, this.owners)
      this.opened.set(name, read)
    }
    return { table: read, partial: given.table.partial }
  }

  /** What a row is known by; an error where it is of none of these tables. */
  keyOf(row: object): EvidenceKey {
    const table = this.owners.get(row)
    if (table === undefined) throw new Error('evidence must be rows of the tables that the rule reads')
    return { table: table.name, key: keyOf(table, row as Row) }
  }
}

/** The columns of a table's key; without one its address; without that all that the row has. */
function keyOf({ key }: Table, row: Row): Record<string, Value> {
  const names = key ?? ('address' in row ? ['address', ...('pid' in row ? ['pid'] : [])] : Object.keys(row))
  return Object.fromEntries(names.map((name) => [name, keyValue(name, (row[name] ?? null) as Value)]))
}

/** An address as every other output writes it. */
function keyValue(name: string, value: Value): Value {
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  return name === 'address' && isNumber ? `0x${value.toString(16)}` : value
}
