/** What SQL is asked of: a case, or an image whose tables are made when a query names them. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Columns } from '../api/columns.js'
import type { Batch } from '../api/table.js'
import { SalvorError } from '../engine/errors.js'
import type { KnownAnalyzer, Registry } from '../engine/registry.js'
import { Database, firstLine } from './duckdb.js'
import type { CaseTable } from './schema.js'
import { readTablesOf } from './sql-names.js'
import { batchesOf, columnsOf } from './sql-results.js'
import { columnName, quoted, readRows, tableName } from './sql-types.js'
import { CaseStore } from './store.js'
import { TableFiles } from './table-files.js'

export interface SqlResult {
  readonly columns: Columns
  readonly batches: AsyncIterable<Batch>
}

/** Names that can be completed: tables with their columns. */
export type SqlNames = ReadonlyMap<string, readonly string[]>

export interface SqlSource {
  /** Runs one statement. What DuckDB has against it is the user's mistake. */
  readonly query: (sql: string) => Promise<SqlResult>
  readonly names: () => Promise<SqlNames>
  readonly close: () => void
}

/** Whether this is the name of a table, and no statement. */
const A_WORD = /^\s*([\w-]+)\s*;?\s*$/
/** What only the shell knows. */
const OF_SHELL = /^\.\w+/

function mistake(error: unknown, sql = ''): SalvorError {
  if (error instanceof SalvorError) return error
  const message = error instanceof Error ? error.message : String(error)
  const [, word] = A_WORD.exec(sql) ?? []
  if (word !== undefined && /syntax error/.test(message)) {
    const table = tableName(word)
    return new SalvorError('USAGE', `SQL: ${word} is no statement; "FROM ${table}" asks for all rows of a table`, {
      cause: error,
    })
  }
  const [command] = OF_SHELL.exec(sql.trim()) ?? []
  if (command !== undefined)
    return new SalvorError('USAGE', `SQL: ${command} is of the shell: salvor sql CASE, without a query`, {
      cause: error,
    })
  return new SalvorError('USAGE', `SQL: ${firstLine(message)}`, { cause: error })
}

async function ask(database: Database, sql: string): Promise<SqlResult> {
  try {
    const statements = await database.connection.extractStatements(sql)
    if (statements.count !== 1) throw new SalvorError('USAGE', `SQL: one statement at a time, not ${statements.count}`)
    const statement = await statements.prepare(0)
    const result = await statement.stream()
    const columns = columnsOf(result)
    return { columns, batches: told(batchesOf(result, columns)) }
  } catch (error) {
    throw mistake(error, sql)
  }
}

async function* told(batches: AsyncIterable<Batch>): AsyncGenerator<Batch> {
  try {
    yield* batches
  } catch (error) {
    throw mistake(error)
  }
}

/** A case, read only: a query reaches its tables and nothing else. */
export class CaseSource implements SqlSource {
  private constructor(
    readonly store: CaseStore,
    private readonly registry: Registry | undefined,
  ) {}

  /** With a registry it can say which tables of it the case does not have. */
  static async open(folder: string, registry?: Registry): Promise<CaseSource> {
    return new CaseSource(await CaseStore.read(folder), registry)
  }

  async query(sql: string): Promise<SqlResult> {
    try {
      return await ask(this.store.database, sql)
    } catch (error) {
      throw this.lacking(error) ?? error
    }
  }

  /** An error that is of a table which another batch would have made. */
  private lacking(error: unknown): SalvorError | undefined {
    const { message } = error as Error
    const [, table] = /Table with name (\w+) does not exist/.exec(message) ?? []
    const made = this.registry?.plain().find(({ name }) => tableName(name) === table)
    if (made === undefined) return undefined
    const why = `no image of the case was analyzed for ${made.name}: salvor batch ${made.name} SOURCE --case CASE`
    return new SalvorError('USAGE', `SQL: ${why}`, { cause: error })
  }

  tables(): Promise<ReadonlyMap<string, CaseTable>> {
    return this.store.tables()
  }

  async names(): Promise<SqlNames> {
    const rows = await this.store.database.rows(
      'SELECT table_name, list(column_name ORDER BY column_index) AS names FROM duckdb_columns() WHERE NOT internal GROUP BY ALL',
    )
    return new Map(rows.map(({ table_name, names }) => [String(table_name), names as string[]]))
  }

  close(): void {
    this.store.close()
  }
}

/** Makes the tables of an image that are asked for, each into the sink. */
export type MakeTables = (analyzers: readonly KnownAnalyzer[], files: TableFiles) => Promise<void>

/** One image: a table is made when a statement first names it. */
export class ImageSource implements SqlSource {
  private readonly made = new Set<string>()

  private constructor(
    private readonly database: Database,
    private readonly folder: string,
    private readonly image: string,
    private readonly registry: Registry,
    private readonly make: MakeTables,
  ) {}

  static async open(image: string, registry: Registry, make: MakeTables): Promise<ImageSource> {
    const database = await Database.open()
    const folder = mkdtempSync(join(tmpdir(), 'salvor-sql-'))
    await database.lockDown([folder])
    return new ImageSource(database, folder, image, registry, make)
  }

  async query(sql: string): Promise<SqlResult> {
    await this.makeNamed(sql)
    return ask(this.database, sql)
  }

  async names(): Promise<SqlNames> {
    return new Map(
      this.registry.plain().map(({ name, columns }) => [tableName(name), Object.keys(columns).map(columnName)]),
    )
  }

  close(): void {
    this.database.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  private async namedBy(sql: string): Promise<KnownAnalyzer[]> {
    const wanted = new Set(
      [...(await readTablesOf(this.database, sql)), ...this.boundNames(sql)].map((name) => name.toLowerCase()),
    )
    return this.registry.plain().filter(({ name }) => wanted.has(tableName(name)) && !this.made.has(name))
  }

  /** The same of statements that are no SELECT: DESCRIBE, SUMMARIZE. It does not see through USING. */
  private boundNames(sql: string): readonly string[] {
    try {
      return this.database.connection.getTableNames(sql, false)
    } catch {
      // No SQL: whoever runs it will tell.
      return []
    }
  }

  private async makeNamed(sql: string): Promise<void> {
    const analyzers = await this.namedBy(sql)
    if (analyzers.length === 0) return
    const files = new TableFiles(this.folder, new Set(analyzers.map(({ name }) => name)))
    await this.make(analyzers, files)
    if (files.failure !== undefined) throw files.failure
    for (const { name, columns } of analyzers) {
      const made = files.tables.get(name)
      if (made === undefined) continue
      const path = join(this.folder, made.file)
      const list = ['image_id', 'image_row', ...Object.keys(columns).map((column) => quoted(columnName(column)))]
      const rows = readRows(path, this.image, columns)
      await this.database.run(`CREATE TABLE ${quoted(tableName(name))} (${list.join(', ')}) AS ${rows}`)
      this.made.add(name)
    }
  }
}
