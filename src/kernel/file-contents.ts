/** Files from the page cache, of any size: read in parts, so that one is held at a time. */

import type { Warning } from '../warning.js'
import { type NativeFilePart, native } from './native.js'
import { joined } from './stretches.js'

/** Bytes read at a time. */
const PART = 1 << 20
/** Any kernel's pages fit in these: where a part may begin. */
export const LARGEST_PAGE = 1 << 16

/**
 * Why there is nothing of a stretch of a file: it was not in memory, or not filled (of a file on a disk), it was swapped
 * out (of a file in memory alone), its memory was left out of the dump, or nobody can tell.
 */
export type Missing = 'not cached' | 'swapped' | 'excluded' | 'unreadable'

/** What there is of a stretch of a file; a hole was never written, and reads as zeros. */
export type PageState = 'present' | 'hole' | Missing

/** By their numbers in the native core. */
const STATES: readonly PageState[] = ['present', 'hole', 'not cached', 'swapped', 'excluded', 'unreadable']

/** A stretch of a file, in bytes. */
export interface FileRun {
  readonly offset: number
  readonly length: number
  readonly state: PageState
}

/** A stretch of a file with its bytes, or with why there are none. */
export type FilePiece =
  | { readonly offset: number; readonly length: number; readonly bytes: Uint8Array }
  | { readonly offset: number; readonly length: number; readonly hole: true }
  | { readonly offset: number; readonly length: number; readonly missing: Missing }

/** Takes a file's bytes. What is written nowhere is a hole, or missing. */
export interface Sink {
  write(bytes: Uint8Array, offset: number): void | Promise<void>
}

/** Bytes of a file by what there was of them. */
export type FileSummary = Record<PageState, number>

/** The image that a file is in, and who hears what cannot be read. */
interface Image {
  readonly id: number
  warn(warning: Warning): void
}

/** The pieces of one file, in order and without a gap: what it is iterated over for. */
export class FileContents implements Iterable<FilePiece> {
  /** Bytes of the file; exact up to 2^53. */
  readonly size: number
  readonly #kernel: Image
  readonly #inode: bigint

  private constructor(kernel: Image, inode: bigint, size: number) {
    this.#kernel = kernel
    this.#inode = inode
    this.size = size
  }

  /** That of an inode; null, and a warning, where it cannot be read. */
  static of(kernel: Image, inode: bigint): FileContents | null {
    const first = native.filePart(kernel.id, inode, 0, 0)
    if (first !== null) return new FileContents(kernel, inode, first.size)
    kernel.warn({
      code: 'unreadable',
      message: 'an inode could not be read',
      count: 1,
      address: `0x${inode.toString(16)}`,
    })
    return null
  }

  /** What there is, without its bytes. */
  runs(): Generator<FileRun> {
    return joined(this.#runs())
  }

  *#runs(): Generator<FileRun> {
    for (const part of this.#parts(0)) yield* runsOf(part)
  }

  /** The pieces, with at most 1 MiB of bytes at a time. */
  *[Symbol.iterator](): Generator<FilePiece> {
    for (const part of this.#parts(PART)) {
      let from = 0
      for (const { offset, length, state } of runsOf(part)) {
        if (state === 'present') {
          yield { offset, length, bytes: part.bytes.subarray(from, from + length) }
          from += length
        } else if (state === 'hole') yield { offset, length, hole: true }
        else yield { offset, length, missing: state }
      }
    }
  }

  /** Up to 1 MiB from an offset on; null unless all of it is in memory. */
  readWhole(offset: number, length: number): Uint8Array | null {
    const first = offset - (offset % LARGEST_PAGE)
    const end = offset + length
    if (length > PART || end > this.size) return null
    const asked = Math.ceil((end - first) / LARGEST_PAGE) * LARGEST_PAGE
    const part = native.filePart(this.#kernel.id, this.#inode, first, asked)
    let from = 0
    for (const run of part === null ? [] : runsOf(part)) {
      if (run.state !== 'present') continue
      const at = from + offset - run.offset
      if (run.offset <= offset && run.offset + run.length >= end) return part?.bytes.subarray(at, at + length) ?? null
      from += run.length
    }
    return null
  }

  /** What there is from an offset on, which is a multiple of `LARGEST_PAGE`, in as many bytes or less. */
  *stretch(start: number, length: number): Generator<{ readonly offset: number; readonly bytes: Uint8Array }> {
    const part = native.filePart(this.#kernel.id, this.#inode, start, length)
    if (part === null) return
    let from = 0
    for (const { offset, length, state } of runsOf(part)) {
      if (state !== 'present') continue
      yield { offset, bytes: part.bytes.subarray(from, from + length) }
      from += length
    }
  }

  /** Writes what there is to an open sink, piece by piece, and says how much of it was there. */
  async copyTo(sink: Sink): Promise<FileSummary> {
    const summary = Object.fromEntries(STATES.map((state) => [state, 0])) as FileSummary
    for (const piece of this) {
      if ('bytes' in piece) await sink.write(piece.bytes, piece.offset)
      summary['bytes' in piece ? 'present' : 'hole' in piece ? 'hole' : piece.missing] += piece.length
    }
    return summary
  }

  *#parts(bytes: number): Generator<NativeFilePart> {
    let from: number | undefined = 0
    while (from !== undefined) {
      const part = native.filePart(this.#kernel.id, this.#inode, from, bytes)
      if (part === null) return
      if (part.capped) this.#kernel.warn({ code: 'cap', message: "a file's pages are in no order that ends", count: 1 })
      yield part
      from = part.next ?? undefined
    }
  }
}

function* runsOf({ pieces, states }: NativeFilePart): Generator<FileRun> {
  for (const [index, state] of states.entries()) {
    const [offset = 0, length = 0] = pieces.subarray(index * 2, index * 2 + 2)
    yield { offset, length, state: STATES[state] ?? 'unreadable' }
  }
}
