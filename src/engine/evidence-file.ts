import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import type { EvidenceFile } from '../api/source.js'
import type { ImageInfo } from '../kernel/kernel.js'
import { SalvorError } from './errors.js'

/** Bytes that an analyzer can have of a file at once. */
const MOST_HELD = 256 << 20
const PIECE_BYTES = 1 << 20

/** The files that an image is evidence of: what was named, not what was unpacked of it. */
export function evidenceFiles({ files, unpacked_from }: Pick<ImageInfo, 'files' | 'unpacked_from'>): readonly string[] {
  return unpacked_from === null ? files : [unpacked_from]
}

function refusal(facts: Stats): string | undefined {
  if (facts.isFile()) return undefined
  if (facts.isDirectory()) return 'a directory, not a file'
  const kind = facts.isFIFO() ? 'FIFO' : facts.isSocket() ? 'socket' : 'device'
  return `a ${kind}, not a regular file: write it into a file first`
}

/** Throws with class EVIDENCE where it is no file with an end. */
export function checkRegular(path: string, facts: Stats): void {
  const why = refusal(facts)
  if (why !== undefined) throw new SalvorError('EVIDENCE', `${path}: ${why}`)
}

/** What the system has against a file, as the core says it of images. */
export function evidenceFailure(path: string, error: unknown): SalvorError {
  if (error instanceof SalvorError) return error
  const { code, message } = error as NodeJS.ErrnoException
  const told: Readonly<Record<string, string>> = {
    ENOENT: 'no such file',
    ENOTDIR: 'no such file',
    EACCES: 'permission denied; make the file readable for this user',
  }
  const reason = told[code ?? ''] ?? `cannot be read: ${/^[A-Z\d]+: ([^,]+)/.exec(message)?.[1] ?? message}`
  return new SalvorError('EVIDENCE', `${path}: ${reason}`, { cause: error })
}

/** A file that is open for reading, and for nothing else. */
export class OpenFile implements EvidenceFile {
  readonly size: number
  private readonly descriptor: number

  /** Throws with class EVIDENCE where there is no regular file that can be read. */
  constructor(readonly path: string) {
    try {
      // Before it is opened, which would do something to a device.
      checkRegular(path, statSync(path))
      // And what was put in its place since: opening a FIFO would wait for a writer.
      this.descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    } catch (error) {
      throw evidenceFailure(path, error)
    }
    const facts = fstatSync(this.descriptor)
    try {
      checkRegular(path, facts)
    } catch (error) {
      this.close()
      throw error
    }
    this.size = facts.size
  }

  async read(): Promise<Uint8Array> {
    if (this.size > MOST_HELD) {
      throw new SalvorError('EVIDENCE', `${this.path}: larger than the ${MOST_HELD >> 20} MiB that are read at once`)
    }
    const bytes = new Uint8Array(this.size)
    let offset = 0
    for await (const piece of this.stream()) {
      bytes.set(piece, offset)
      offset += piece.length
    }
    return bytes
  }

  /** What it grows by after it was opened is not read; where it was cut off, that is an error. */
  async *stream(): AsyncGenerator<Uint8Array> {
    for (let offset = 0; offset < this.size; ) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, this.size - offset))
      const length = this.attempt(() => readSync(this.descriptor, piece, 0, piece.length, offset))
      if (length === 0) {
        throw new SalvorError('EVIDENCE', `${this.path}: cut off at offset 0x${offset.toString(16)} while it was read`)
      }
      yield piece.subarray(0, length)
      offset += length
    }
  }

  close(): void {
    closeSync(this.descriptor)
  }

  private attempt<T>(step: () => T): T {
    try {
      return step()
    } catch (error) {
      throw evidenceFailure(this.path, error)
    }
  }
}

/** Says before a run that a file cannot be read. */
export function checkFile(path: string): void {
  new OpenFile(path).close()
}
