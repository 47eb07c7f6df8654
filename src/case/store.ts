/** A case: one DuckDB file in a folder, with one table for each analyzer, and the manifests beside it. */

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Column, Columns, ColumnType } from '../api/columns.js'
import { SalvorError } from '../engine/errors.js'
import { CATALOG, type OwnTable } from './catalog.js'
import { Database } from './duckdb.js'
import { type ImageRecord, imageId, manifestText, type State, sha256Of } from './manifest.js'
import { writeManifests } from './manifest-files.js'
import { columnDefinitions, columnName, literal, quoted, readRows, sqlType, tableName } from './sql-types.js'

/** What of a declaration a case remembers. */
export interface StoredTable {
  readonly analyzer: string
  readonly columns: Columns
  readonly key: readonly string[]
  /** The file of rows that a child made. */
  readonly file: string
}

/** A table of a case; its columns bear the names that they have there. */
export interface CaseTable {
  readonly columns: Columns
  readonly key: readonly string[]
}

/** Where an image came from, as it was when it was analyzed. */
export interface SourceRecord {
  readonly path: string
  readonly bytes: number
  /** Nanoseconds, as a number that JSON would not hold. */
  readonly modified: bigint
  /** Hash of version, options and analyzers. */
  readonly settings: string
}

export interface SourceState {
  readonly state: State
  readonly image: string | null
  readonly exitCode: number
}

export function databasePath(folder: string): string {
  return join(folder, 'case.duckdb')
}

/** Whether a folder holds a case. */
export function isCase(folder: string): boolean {
  return existsSync(databasePath(folder))
}

export class CaseStore {
  private constructor(
    readonly folder: string,
    readonly database: Database,
  ) {}

  /** Opens a case to write, and makes it where there is none. One process can at a time. */
  static async write(folder: string): Promise<CaseStore> {
    mkdirSync(folder, { recursive: true })
    const store = new CaseStore(folder, await Database.open(databasePath(folder)))
    // Little is gained by more: a batch's processors are its children's.
    await store.database.run('SET threads = 1')
    await store.database.run(CATALOG)
    // What a run that was ended had no time for.
    await writeManifests(store.database, folder)
    return store
  }

  /** Opens a case to read: nothing in it, and no other file, is in a query's reach. */
  static async read(folder: string): Promise<CaseStore> {
    if (!isCase(folder)) throw new SalvorError('USAGE', `${folder} is no case: salvor batch SOURCE --case ${folder}`)
    const database = await Database.open(databasePath(folder), { readOnly: true })
    await database.lockDown()
    return new CaseStore(folder, database)
  }

  /** How a source's analysis ended, if it is the same file and was analyzed in the same way. */
  async stateOf({ path, bytes, modified, settings }: SourceRecord): Promise<SourceState | undefined> {
    const [found] = await this.database.rows(
      `SELECT state, image, exit_code FROM sources
       WHERE path = $1 AND bytes = $2 AND modified = $3 AND settings = $4`,
      [path, BigInt(bytes), modified, settings],
    )
    if (found === undefined) return undefined
    return { state: found.state as State, image: found.image as string | null, exitCode: Number(found.exit_code) }
  }

  /** The result of a job that is in the case already, whatever the path. */
  async resultOf(job: string): Promise<{ readonly state: State; readonly exitCode: number } | undefined> {
    const [found] = await this.database.rows('SELECT state, exit_code FROM images WHERE job = $1', [job])
    return found === undefined ? undefined : { state: found.state as State, exitCode: Number(found.exit_code) }
  }

  /** Puts the result of a job into the case, whole or not at all; one that is there already stays as it is. */
  async add(source: SourceRecord, record: ImageRecord, tables: readonly StoredTable[]): Promise<void> {
    const id = imageId(record.job)
    await this.database.transaction(async () => {
      const [known] = await this.database.rows('SELECT 1 FROM images WHERE job = $1', [record.job])
      if (known === undefined) {
        for (const table of tables) await this.addTable(id, table)
        await this.addImage(id, record)
        await this.addManifest(id, record)
      }
      await this.setSource(source, record.state, record.exit_code, id)
    })
    await writeManifests(this.database, this.folder)
  }

  /** Remembers that a source has no result yet, and why. */
  async lose(source: SourceRecord, exitCode: number, why: string): Promise<void> {
    await this.setSource(source, 'lost', exitCode, null, why)
  }

  /** Remembers another path of an image that is in the case. */
  async link(source: SourceRecord, job: string, { state, exitCode }: { state: State; exitCode: number }) {
    await this.setSource(source, state, exitCode, imageId(job))
  }

  /** The tables that analyzers made, with their columns as they were declared. */
  async tables(): Promise<ReadonlyMap<string, CaseTable>> {
    const rows = await this.database.rows('SELECT * FROM schema_columns ORDER BY table_name, position, column_name')
    const tables = new Map<string, { columns: Record<string, Column>; key: string[] }>()
    for (const { table_name, column_name, type, meaning, description, key_position } of rows) {
      const table = tables.get(String(table_name)) ?? { columns: {}, key: [] }
      tables.set(String(table_name), table)
      const column = { type: type as ColumnType, description: String(description) }
      table.columns[String(column_name)] = meaning === null ? column : { ...column, meaning: String(meaning) }
      if (key_position !== null) table.key[Number(key_position)] = String(column_name)
    }
    return tables
  }

  close(): void {
    this.database.close()
  }

  private async setSource(
    { path, bytes, modified, settings }: SourceRecord,
    state: State,
    exitCode: number,
    image: string | null,
    error: string | null = null,
  ): Promise<void> {
    await this.database.run('INSERT OR REPLACE INTO sources VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', [
      path,
      BigInt(bytes),
      modified,
      settings,
      state,
      exitCode,
      image,
      error,
    ])
  }

  private async addTable(id: string, { analyzer, columns, key, file }: StoredTable): Promise<void> {
    const name = tableName(analyzer)
    await this.declare(name, analyzer, columns, key)
    const into = Object.keys(columns).map((column) => quoted(columnName(column)))
    const list = ['image_id', 'image_row', ...into].join(', ')
    await this.database.run(`INSERT INTO ${quoted(name)} (${list}) ${readRows(file, id, columns)}`)
  }

  /** Makes a table that is not there yet, and adds columns that a newer version declares. */
  private async declare(name: string, analyzer: string, columns: Columns, key: readonly string[]): Promise<void> {
    const known = await this.database.rows(
      'SELECT analyzer, column_name, type FROM schema_columns WHERE table_name = $1',
      [name],
    )
    if (known.length === 0) {
      if ((OWN_TABLES as readonly string[]).includes(name))
        throw new SalvorError('USAGE', `a case cannot keep a table that is called ${name}: one of its own is`)
      await this.database.run(`CREATE TABLE ${quoted(name)} (${columnDefinitions(columns)})`)
    } else if (known[0]?.analyzer !== analyzer) {
      throw new SalvorError(
        'USAGE',
        `a case cannot keep both ${analyzer} and ${known[0]?.analyzer}: they are called alike`,
      )
    }
    const types = new Map(known.map((column) => [column.column_name, column.type]))
    for (const [position, [column, declared]] of Object.entries(columns).entries()) {
      const type = types.get(columnName(column))
      if (type === declared.type) continue
      if (type !== undefined && sqlType({ type: type as never }) !== sqlType(declared))
        throw new SalvorError('USAGE', `the case has ${analyzer}.${column} as ${type}, and it is ${declared.type} now`)
      if (known.length > 0 && type === undefined)
        await this.database.run(
          `ALTER TABLE ${quoted(name)} ADD COLUMN ${quoted(columnName(column))} ${sqlType(declared)}`,
        )
      const at = key.indexOf(column)
      await this.database.run('INSERT OR REPLACE INTO schema_columns VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', [
        name,
        analyzer,
        position,
        columnName(column),
        declared.type,
        declared.meaning ?? null,
        declared.description,
        at < 0 ? null : at,
      ])
    }
  }

  private async addImage(id: string, record: ImageRecord): Promise<void> {
    const { kernel, files } = record
    const [first] = files
    await this.database.run(
      `INSERT INTO images VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::TIMESTAMP, $12, $13, $14, $15)`,
      [
        id,
        record.job,
        first?.path ?? null,
        record.sha256,
        files.reduce((sum, { bytes }) => sum + BigInt(bytes), 0n),
        kernel?.format ?? null,
        kernel?.hostname ?? null,
        kernel?.release ?? null,
        kernel?.architecture ?? null,
        kernel?.build_id ?? null,
        kernel?.boot_time ?? null,
        record.state,
        record.exit_code,
        record.error,
        record.tool.version,
      ],
    )
    for (const { table, rows, sha256, failed } of record.tables)
      await this.database.run('INSERT INTO outputs VALUES ($1, $2, $3, $4, $5)', [
        id,
        tableName(table),
        BigInt(rows),
        sha256,
        failed ?? null,
      ])
    const warnings = record.warnings.map(
      ({ code, message, analyzer, column, count, address }) =>
        `(${[id, code, message, analyzer, column].map((text) => (text === undefined ? 'NULL' : literal(text))).join(', ')}, ${
          count ?? 'NULL'
        }, ${address === undefined ? 'NULL' : literal(address)})`,
    )
    if (warnings.length > 0) await this.database.run(`INSERT INTO warnings VALUES ${warnings.join(', ')}`)
  }

  private async addManifest(id: string, record: ImageRecord): Promise<void> {
    const [last] = await this.database.rows('SELECT sequence, sha256 FROM manifests ORDER BY sequence DESC LIMIT 1')
    const sequence = last === undefined ? 1 : Number(last.sequence) + 1
    const text = manifestText(record, sequence, last === undefined ? null : String(last.sha256))
    await this.database.run('INSERT INTO manifests VALUES ($1, $2, $3, $4)', [sequence, id, sha256Of(text), text])
  }
}

const OWN_TABLES: readonly OwnTable[] = ['images', 'sources', 'outputs', 'warnings', 'manifests', 'schema_columns']
