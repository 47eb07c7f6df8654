import { createWriteStream, mkdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Writable } from 'node:stream'
import type { Warning } from '../api/analyzer.js'
import type { Batch } from '../api/table.js'
import { SalvorError } from '../engine/errors.js'
import { type Format, type FormatName, type FormatOptions, makeFormat, type TableHead } from './format.js'
import { FileSink, type Sink, StreamSink } from './sink.js'

export interface Destination {
  readonly format: FormatName
  /** A file, a directory for several CSV tables, or standard output. */
  readonly output?: string
  readonly stdout: Writable
  /** The images of the run, as given. */
  readonly images: readonly string[]
}

function openOutput(path: string): Sink {
  const found = statSync(path, { throwIfNoEntry: false })
  // A pipe or a device is written to as it is; renaming over it would replace it.
  if (found !== undefined && !found.isFile()) return new StreamSink(createWriteStream(path))
  return new FileSink(path)
}

/** Says before a long run what would only fail at its end. */
function checkOutput(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new SalvorError('USAGE', `--output ${path} is a directory`)
  }
  if (statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new SalvorError('USAGE', `--output ${path}: there is no directory ${dirname(path)}`)
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
    if (!filePerTable && destination.output !== undefined) checkOutput(destination.output)
    return new Writer(destination, await makeFormat(destination.format, options), filePerTable)
  }

  async start(head: TableHead): Promise<void> {
    if (this.filePerTable) this.sink = new FileSink(this.pathFor(head))
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
    const { output, stdout } = this.destination
    return output === undefined ? new StreamSink(stdout) : openOutput(output)
  }

  private pathFor({ table, image }: TableHead): string {
    const { output = '.', images } = this.destination
    mkdirSync(output, { recursive: true })
    if (images.length === 1) return join(output, `${table}.csv`)
    return join(output, `${images.indexOf(image) + 1}-${basename(image)}-${table}.csv`)
  }
}
