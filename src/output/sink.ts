import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Writable } from 'node:stream'

/** Where output text goes. */
export interface Sink {
  /** Resolves when more may be written. */
  write(text: string): Promise<void>
  /** Makes what was written final. */
  commit(): Promise<void>
  /** Leaves nothing behind. */
  abort(): void
}

/** Standard output, or another stream: what was written cannot be taken back. */
export class StreamSink implements Sink {
  constructor(private readonly stream: Writable) {}

  async write(text: string): Promise<void> {
    if (text === '' || this.stream.write(text)) return
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        this.stream.off('drain', settle).off('close', settle).off('error', settle)
        resolve()
      }
      this.stream.on('drain', settle).on('close', settle).on('error', settle)
    })
  }

  commit(): Promise<void> {
    // A write's callback comes after everything before it is out.
    return new Promise((resolve) => {
      this.stream.write('', () => resolve())
    })
  }

  abort(): void {}
}

/** A file that appears whole under its name, or not at all. */
export class FileSink implements Sink {
  private readonly file: AtomicFile
  private readonly descriptor: number

  constructor(target: string) {
    this.file = new AtomicFile(target)
    this.descriptor = openSync(this.file.temporary, 'wx', 0o666)
  }

  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(this.descriptor, bytes, offset)
  }

  async commit(): Promise<void> {
    closeSync(this.descriptor)
    this.file.commit()
  }

  abort(): void {
    closeSync(this.descriptor)
    this.file.abort()
  }
}

/** A temporary name beside a target, for a writer that wants a path of its own. */
export class AtomicFile {
  readonly temporary: string

  constructor(private readonly target: string) {
    this.temporary = join(dirname(target), `.${basename(target)}.${process.pid}.part`)
  }

  /** Puts the finished file in the target's place, with its contents on disk first. */
  commit(): void {
    const descriptor = openSync(this.temporary, 'r+')
    fsyncSync(descriptor)
    closeSync(descriptor)
    renameSync(this.temporary, this.target)
  }

  abort(): void {
    rmSync(this.temporary, { force: true })
  }
}
