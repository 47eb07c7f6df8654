import { basename, join } from 'node:path'
import type { Writable } from 'node:stream'
import type { Batch } from '../api/table.js'
import { SalvorError } from '../engine/errors.js'
import { makeFolder } from '../make-folder.js'
import type { Warning } from '../warning.js'
import { type Format, type FormatName, type FormatOptions, makeFormat, type TableHead } from './format.js'
import { openSink, type Sink, StreamSink } from './sink.js'
import { checkName, checkTarget, checkTargetFolder, type Guard, outputFailure } from './target.js'

export interface Destination {
  readonly format: FormatName
  /** A file, a directory for several CSV tables, or standard output. */
  readonly output?: string
  readonly stdout: Writable
  /** The images of the run, as given. */
  readonly images: readonly string[]
  /** Names of the tables that each image gives. */
  readonly tables: readonly string[]
  readonly guard: Guard
}

/** The file of one table, where each has its own. */
function tablePath({ output = '.', images }: Destination, table: string, image: string): string {
  if (images.length === 1) return join(output, `${table}.csv`)
  return join(output, `${images.indexOf(image) + 1}-${basename(image)}-${table}.csv`)
}

/** Says before a long run what would fail, or do harm, at its end. */
function check(destination: Destination, filePerTable: boolean): void {
  const { output, stdout, images, tables, guard } = destination
  if (output === undefined) {
    const { fd } = stdout as { fd?: unknown }
    if (typeof fd === 'number') guard.inputs.refuseDescriptor('standard output', fd)
  } else if (filePerTable) {
    checkTargetFolder(output, guard)
    for (const image of images) {
      for (const table of tables) checkName(tablePath(destination, table, image), guard)
    }
  } else {
    checkTarget(output, guard)
  }
}

/** Writes tables one after the other; nothing is created before the first one starts. */
export class Writer {
  private sink: Sink | undefined
  private started = false

  private constructor(
    private readonly destination: Destination,
    private readonly format: Format,
    private readonly filePerTable: boolean,
  ) {}

  static async make(destination: Destination, options: FormatOptions): Promise<Writer> {
    const filePerTable = destination.format === 'csv' && options.several
    if (filePerTable && destination.output === undefined) {
      throw new SalvorError('USAGE', 'several tables do not fit into one CSV: name a directory with --output')
    }
    const other = destination.tables.find((table) => destination.format === 'sarif' && table !== 'findings')
    if (other !== undefined) throw new SalvorError('USAGE', `sarif is for findings, and ${other} has none`)
    check(destination, filePerTable)
    return new Writer(destination, await makeFormat(destination.format, options), filePerTable)
  }

  async start(head: TableHead): Promise<void> {
    if (this.filePerTable) this.sink = this.openTable(head)
    this.started = true
    await this.write(this.format.start(head))
  }

  async rows(head: TableHead, batch: Batch): Promise<void> {
    await this.write(this.format.rows(head, batch))
  }

  async end(head: TableHead, warnings: readonly Warning[]): Promise<void> {
    await this.write(this.format.end(head, warnings))
    if (this.filePerTable) await this.close()
  }

  /** Closes the output and puts it in its place. */
  async finish(): Promise<void> {
    if (!this.started || this.filePerTable) return
    await this.write(this.format.finish())
    await this.close()
  }

  /** Leaves no half-written file behind. */
  abort(): void {
    this.sink?.abort()
    this.sink = undefined
  }

  private async close(): Promise<void> {
    const sink = this.sink
    await sink?.commit()
    this.sink = undefined
  }

  private async write(text: string): Promise<void> {
    if (text === '') return
    this.sink ??= this.openSink()
    await this.sink.write(text)
  }

  private openSink(): Sink {
    const { output, stdout, guard } = this.destination
    return output === undefined ? new StreamSink(stdout) : openSink(output, guard, stdout)
  }

  private openTable({ table, image }: TableHead): Sink {
    const { output = '.', stdout, guard } = this.destination
    try {
      makeFolder(output)
    } catch (error) {
      throw outputFailure(output, error)
    }
    return openSink(tablePath(this.destination, table, image), guard, stdout)
  }
}
