/** Which tables of analyzers a case has, and what is declared of their columns: kept in the case itself. */

import type { Column, Columns, ColumnType } from '../api/columns.js'
import { SalvorError } from '../engine/errors.js'
import { CATALOG } from './catalog.js'
import type { Database } from './duckdb.js'
import { columnDefinitions, columnName, quoted, sqlType, valuesOf } from './sql-types.js'

/** A table of a case; its columns bear the names that they have there. */
export interface CaseTable {
  readonly analyzer: string
  readonly columns: Columns
  /** The columns that together name a row; none where its analyzer has no key. */
  readonly key: readonly string[]
}

export async function readTables(database: Database): Promise<Map<string, CaseTable>> {
  const rows = await database.rows('SELECT * FROM schema_columns ORDER BY table_name, position, column_name')
  const tables = new Map<string, { analyzer: string; columns: Record<string, Column>; key: string[] }>()
  for (const { table_name, analyzer, column_name, type, meaning, description, key_position } of rows) {
    const table = tables.get(String(table_name)) ?? { analyzer: String(analyzer), columns: {}, key: [] }
    tables.set(String(table_name), table)
    const column = { type: type as ColumnType, description: String(description) }
    table.columns[String(column_name)] = meaning === null ? column : { ...column, meaning: String(meaning) }
    if (key_position !== null) table.key[Number(key_position)] = String(column_name)
  }
  return tables
}

/** Makes tables as they are declared; each declaration is looked at once. */
export class Schema {
  private known: Map<string, CaseTable> | undefined
  private readonly declared = new Set<Columns>()

  constructor(private readonly database: Database) {}

  /** What was declared was taken back. */
  forget(): void {
    this.known = undefined
    this.declared.clear()
  }

  /** Makes tables that are not there yet, and adds columns that a newer version declares; each by its name. */
  async declare(tables: Iterable<readonly [name: string, table: CaseTable]>): Promise<void> {
    const rows: string[] = []
    for (const [name, table] of tables) {
      if (this.declared.has(table.columns)) continue
      rows.push(...(await this.declareOne(name, table)))
      this.declared.add(table.columns)
    }
    // One statement for all: a hundred tables have more than a thousand columns, and a statement has its price.
    if (rows.length > 0) await this.database.run(`INSERT OR REPLACE INTO schema_columns VALUES ${rows.join(', ')}`)
  }

  /** Answers the rows that say what was declared. */
  private async declareOne(name: string, { analyzer, columns, key }: CaseTable): Promise<string[]> {
    this.known ??= await readTables(this.database)
    const known = this.known.get(name)
    if (known === undefined) await this.create(name, columns)
    else if (known.analyzer !== analyzer)
      throw new SalvorError('USAGE', `a case cannot keep both ${analyzer} and ${known.analyzer}: they are called alike`)
    const rows: string[] = []
    for (const [position, [own, column]] of Object.entries(columns).entries()) {
      const type = known?.columns[columnName(own)]?.type
      if (type === column.type) continue
      if (known !== undefined) await this.widen(name, own, column, type)
      const at = key.indexOf(own)
      const facts = [column.type, column.meaning, column.description, at < 0 ? null : at] as const
      rows.push(valuesOf(name, analyzer, position, columnName(own), ...facts))
    }
    return rows
  }

  private async create(name: string, columns: Columns): Promise<void> {
    if (CATALOG.includes(`CREATE TABLE IF NOT EXISTS ${name} (`))
      throw new SalvorError('USAGE', `a case cannot keep a table that is called ${name}: one of its own is`)
    await this.database.run(`CREATE TABLE ${quoted(name)} (${columnDefinitions(columns)})`)
  }

  private async widen(name: string, own: string, column: Column, type: ColumnType | undefined): Promise<void> {
    const as = quoted(columnName(own))
    if (type === undefined) await this.database.run(`ALTER TABLE ${quoted(name)} ADD COLUMN ${as} ${sqlType(column)}`)
    else if (sqlType({ type }) !== sqlType(column))
      throw new SalvorError('USAGE', `the case has ${name}.${own} as ${type}, and it is ${column.type} now`)
  }
}
