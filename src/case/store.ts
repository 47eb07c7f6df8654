/** A case: one DuckDB file in a folder, with one table for each analyzer, and the manifests beside it. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Columns } from '../api/columns.js'
import { SalvorError } from '../engine/errors.js'
import { sha256Of } from '../file-hash.js'
import { makeFolder } from '../make-folder.js'
import { outputFailure } from '../output/target.js'
import { CATALOG } from './catalog.js'
import { Database } from './duckdb.js'
import { type ImageRecord, imageId, manifestText, type State } from './manifest.js'
import { writeManifests } from './manifest-files.js'
import { type CaseTable, readTables, Schema } from './schema.js'
import { columnName, quoted, readRows, tableName, valuesOf } from './sql-types.js'

/** What of a declaration a case remembers. */
export interface StoredTable {
  readonly analyzer: string
  readonly columns: Columns
  readonly key: readonly string[]
  /** The file of rows that a child made. */
  readonly file: string
}

/** Where an image came from, as it was when it was analyzed. */
export interface SourceRecord {
  readonly path: string
  readonly bytes: number
  /** Nanoseconds, as a number that JSON would not hold. */
  readonly modified: bigint
  /** What a server says of its content, where one has it. */
  readonly etag?: string
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
  private readonly schema: Schema

  private constructor(
    readonly folder: string,
    readonly database: Database,
  ) {
    this.schema = new Schema(database)
  }

  /** Opens a case to write, and makes it where there is none. One process can at a time. */
  static async write(folder: string): Promise<CaseStore> {
    try {
      makeFolder(folder)
    } catch (error) {
      throw existsSync(folder)
        ? new SalvorError('USAGE', `${folder} is a file, and a case is a folder`)
        : outputFailure(folder, error)
    }
    const store = new CaseStore(folder, await Database.open(databasePath(folder)))
    // Little is gained by more: a batch's processors are its children's.
    await store.database.run('SET threads = 1')
    // Each checkpoint looks at every table.
    await store.database.run("SET wal_autocheckpoint = '128MB'")
    // To try whether these pay takes half of a checkpoint's time; without them a case is a seventh larger.
    await store.database.run("SET disabled_compression_methods = 'fsst,dict_fsst'")
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
  async stateOf({ path, bytes, modified, etag, settings }: SourceRecord): Promise<SourceState | undefined> {
    const [found] = await this.database.rows(
      `SELECT state, image, exit_code FROM sources
       WHERE path = $1 AND bytes = $2 AND modified = $3 AND settings = $4
         AND etag IS NOT DISTINCT FROM $5`,
      [path, BigInt(bytes), modified, settings, etag ?? null],
    )
    if (found === undefined) return undefined
    return { state: found.state as State, image: found.image as string | null, exitCode: Number(found.exit_code) }
  }

  /** The hash of a source's evidence, if it is the same file, however it was analyzed last. */
  async hashOf({ path, bytes, modified, etag }: SourceRecord): Promise<string | undefined> {
    const [found] = await this.database.rows(
      `SELECT sha256 FROM sources JOIN images ON images.id = sources.image
       WHERE sources.path = $1 AND sources.bytes = $2 AND modified = $3 AND etag IS NOT DISTINCT FROM $4
         AND sha256 IS NOT NULL`,
      [path, BigInt(bytes), modified, etag ?? null],
    )
    return found === undefined ? undefined : String(found.sha256)
  }

  /** Has a source lead to the result of a job that is in the case already; nothing where there is none. */
  async lead(source: SourceRecord, job: string): Promise<SourceState | undefined> {
    const [found] = await this.database.rows('SELECT id, state, exit_code FROM images WHERE job = $1', [job])
    if (found === undefined) return undefined
    const known = { state: found.state as State, image: String(found.id), exitCode: Number(found.exit_code) }
    await this.setSource(source, known.state, known.exitCode, known.image)
    return known
  }

  /** Puts the result of a job into the case, whole or not at all; one that is there already stays as it is. */
  async add(source: SourceRecord, record: ImageRecord, tables: readonly StoredTable[]): Promise<void> {
    const id = imageId(record.job)
    await this.database
      .transaction(async () => {
        const [known] = await this.database.rows('SELECT 1 FROM images WHERE job = $1', [record.job])
        if (known === undefined) {
          const empty = new Set(record.tables.flatMap(({ table, rows }) => (rows === 0 ? table : [])))
          await this.schema.declare(tables.map((table) => [tableName(table.analyzer), table]))
          for (const table of tables) if (!empty.has(table.analyzer)) await this.addTable(id, table)
          await this.addImage(id, record)
          await this.addManifest(id, record)
        }
        await this.setSource(source, record.state, record.exit_code, id)
      })
      .catch((error: unknown) => {
        // What was declared in it is not there.
        this.schema.forget()
        throw error
      })
    await writeManifests(this.database, this.folder)
  }

  /** Remembers that a source has no result yet, and why. */
  async lose(source: SourceRecord, exitCode: number, why: string): Promise<void> {
    // What was made of it before, in another way, is in the case all the same.
    const { path, bytes, modified, etag } = source
    const [before] = await this.database.rows(
      `SELECT image FROM sources
       WHERE path = $1 AND bytes = $2 AND modified = $3 AND etag IS NOT DISTINCT FROM $4`,
      [path, BigInt(bytes), modified, etag ?? null],
    )
    await this.setSource(source, 'lost', exitCode, (before?.image ?? null) as string | null, why)
  }

  /** The tables that analyzers made, with their columns as they were declared. */
  tables(): Promise<ReadonlyMap<string, CaseTable>> {
    return readTables(this.database)
  }

  close(): void {
    this.database.close()
  }

  private async setSource(
    { path, bytes, modified, etag, settings }: SourceRecord,
    state: State,
    exitCode: number,
    image: string | null,
    error: string | null = null,
  ): Promise<void> {
    await this.database.run('INSERT OR REPLACE INTO sources VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
      path,
      BigInt(bytes),
      modified,
      settings,
      state,
      exitCode,
      image,
      error,
      etag ?? null,
    ])
  }

  private async addTable(id: string, { analyzer, columns, file }: StoredTable): Promise<void> {
    const into = Object.keys(columns).map((column) => quoted(columnName(column)))
    const list = ['image_id', 'image_row', ...into].join(', ')
    await this.database.run(`INSERT INTO ${quoted(tableName(analyzer))} (${list}) ${readRows(file, id, columns)}`)
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
    const outputs = record.tables.map(({ table, rows, sha256, failed }) =>
      valuesOf(id, tableName(table), rows, sha256, failed),
    )
    if (outputs.length > 0) await this.database.run(`INSERT INTO outputs VALUES ${outputs.join(', ')}`)
    const warnings = record.warnings.map(({ code, message, analyzer, column, count, address }) =>
      valuesOf(id, code, message, analyzer, column, count, address),
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
