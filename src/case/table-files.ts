import { join } from 'node:path'
import type { Batch } from '../api/table.js'
import type { TableSink } from '../engine/engine.js'
import type { SalvorError } from '../engine/errors.js'
import type { KnownAnalyzer } from '../engine/registry.js'
import { outputFailure } from '../output/target.js'
import type { Warning } from '../warning.js'
import { RowsFile } from './rows-file.js'

/** Each table goes to a file as it comes in: nothing is held but a batch. */
export class TableFiles implements TableSink {
  readonly tables = new Map<string, { readonly file: string; readonly sha256: string }>()
  readonly warnings: Warning[] = []
  /** Why a file could not be written: the tables are not those that were made then. */
  failure: SalvorError | undefined
  private readonly open = new Map<string, RowsFile>()
  /** The first rows of the table that was to be kept. */
  kept: Batch | undefined

  constructor(
    private readonly folder: string,
    /** Names of the analyzers whose tables are written. */
    private readonly asked: ReadonlySet<string>,
    /** The one whose first rows are kept, whether or not it is written. */
    private readonly keep?: string,
  ) {}

  async rows(analyzer: KnownAnalyzer, batch: Batch): Promise<void> {
    if (analyzer.name === this.keep) this.kept ??= batch
    this.attempt(() => this.file(analyzer)?.write(batch))
  }

  async end(analyzer: KnownAnalyzer): Promise<void> {
    const made = this.attempt(() => this.file(analyzer)?.close(analyzer.name))
    if (made === undefined) return
    this.tables.set(analyzer.name, { file: fileName(analyzer), sha256: made.sha256 })
    this.warnings.push(...made.warnings)
  }

  /** To the engine a failure would be that of a table. */
  private attempt<T>(work: () => T): T | undefined {
    if (this.failure !== undefined) return undefined
    try {
      return work()
    } catch (error) {
      this.failure = outputFailure(this.folder, error)
      return undefined
    }
  }

  private file(analyzer: KnownAnalyzer): RowsFile | undefined {
    const { name, columns } = analyzer
    if (!this.asked.has(name)) return undefined
    const file = this.open.get(name) ?? new RowsFile(join(this.folder, fileName(analyzer)), columns)
    this.open.set(name, file)
    return file
  }
}

function fileName({ name }: KnownAnalyzer): string {
  return `${name}.ndjson`
}
