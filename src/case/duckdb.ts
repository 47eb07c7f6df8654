/** The one place that loads DuckDB: it takes longer than a short run. */

import type { DuckDBConnection, DuckDBInstance, DuckDBResult, DuckDBValue } from '@duckdb/node-api'
import { SalvorError } from '../engine/errors.js'
import { require } from '../require.js'
import { literal } from './sql-types.js'

/** What DuckDB may take: a case of any size is queried within it. */
const MEMORY_LIMIT = '512MB'

const NO_EXTENSIONS = { autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' }

/** A value of a result, as DuckDB's converter to JavaScript has it. */
export type SqlRow = Readonly<Record<string, unknown>>

/** A database, with what is asked of it told as salvor's errors. */
export class Database {
  private constructor(
    private readonly instance: DuckDBInstance,
    readonly connection: DuckDBConnection,
  ) {}

  /** Opens a file to write, or a database in memory where no file is named. */
  static async open(path = ':memory:', { readOnly = false } = {}): Promise<Database> {
    const { DuckDBInstance: Instance } = require('@duckdb/node-api') as typeof import('@duckdb/node-api')
    const access = readOnly ? { access_mode: 'READ_ONLY' } : {}
    try {
      const instance = await Instance.create(path, { ...NO_EXTENSIONS, ...access, memory_limit: MEMORY_LIMIT })
      return new Database(instance, await instance.connect())
    } catch (error) {
      throw openFailure(path, error)
    }
  }

  /** From here on no query reaches a file, but those below some folders, or changes what it may. */
  async lockDown(folders: readonly string[] = []): Promise<void> {
    if (folders.length > 0) await this.run(`SET allowed_directories = [${folders.map(literal).join(', ')}]`)
    await this.run("SET temp_directory = ''")
    await this.run('SET enable_external_access = false')
    await this.run('SET lock_configuration = true')
  }

  async run(sql: string, values: readonly DuckDBValue[] = []): Promise<void> {
    // A statement that is prepared first is planned twice.
    if (values.length === 0) await this.connection.run(sql)
    else await this.connection.run(sql, [...values])
  }

  /** The rows of a query of salvor's own, which are few. */
  async rows(sql: string, values: readonly DuckDBValue[] = []): Promise<readonly SqlRow[]> {
    return (await this.connection.runAndReadAll(sql, [...values])).getRowObjectsJS()
  }

  /** The result of a query, chunk by chunk. */
  stream(sql: string, values: readonly DuckDBValue[] = []): Promise<DuckDBResult> {
    return this.connection.stream(sql, [...values])
  }

  /** Does all of it, or nothing. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.run('BEGIN TRANSACTION')
    try {
      const result = await work()
      await this.run('COMMIT')
      return result
    } catch (error) {
      // A commit that failed has ended the transaction.
      await this.run('ROLLBACK').catch(() => {})
      throw writeFailure(error)
    }
  }

  close(): void {
    this.connection.closeSync()
    this.instance.closeSync()
  }
}

function openFailure(path: string, error: unknown): SalvorError {
  const message = error instanceof Error ? error.message : String(error)
  if (/Could not set lock|Conflicting lock/.test(message)) {
    return new SalvorError('USAGE', `${path} is written by another run of salvor`, { cause: error })
  }
  return new SalvorError('EVIDENCE', `${path} cannot be opened: ${firstLine(message)}`, { cause: error })
}

/** DuckDB has no code for a disk that is full, but the system's own words. */
function writeFailure(error: unknown): unknown {
  const message = error instanceof Error ? error.message : ''
  if (!/No space left on device|Disk quota exceeded|File too large/.test(message)) return error
  return new SalvorError('LIMIT', firstLine(message), { cause: error })
}

/** What DuckDB says, and what it guesses was meant, without the query that it repeats below it. */
export function firstLine(message: string): string {
  const [first = '', second = ''] = message.split('\n')
  return /^(?:Did you mean|Candidate)/.test(second) ? `${first} ${second}` : first
}
