/** Single records of a file in the page cache, read a page at a time and kept: for tables of which pages may be missing. */

import { type FileContents, LARGEST_PAGE } from './file-contents.js'

/** Read at once, and kept in these. */
const WINDOW = LARGEST_PAGE
const PAGE = 1 << 12
/** Bytes of a name in a file. */
const LONGEST_TEXT = 4096

/** A file's bytes by their offsets. */
export class FilePages {
  readonly #contents: FileContents
  readonly #pages = new Map<number, Uint8Array>()
  /** Where windows begin that were read. */
  readonly #read = new Set<number>()

  constructor(contents: FileContents) {
    this.#contents = contents
  }

  /** So many bytes; null unless all are in memory. */
  bytes(offset: number, length: number): DataView | null {
    if (offset < 0 || length < 0 || !Number.isSafeInteger(offset + length)) return null
    const within = offset % PAGE
    const page = this.#page(offset - within)
    if (page === null) return null
    if (within + length <= page.length) return new DataView(page.buffer, page.byteOffset + within, length)
    const first = page.subarray(within)
    const rest = first.length === 0 ? null : this.bytes(offset + first.length, length - first.length)
    if (rest === null) return null
    const joined = new Uint8Array(length)
    joined.set(first)
    joined.set(new Uint8Array(rest.buffer, rest.byteOffset, rest.byteLength), first.length)
    return new DataView(joined.buffer)
  }

  /** Text in UTF-8 up to its NUL; null where that is too far, or some of it is not in memory. */
  text(offset: number): string | null {
    const parts: Uint8Array[] = []
    for (let [at, length] = [offset, 0]; length < LONGEST_TEXT; ) {
      if (!Number.isSafeInteger(at) || at < 0) return null
      const page = this.#page(at - (at % PAGE))?.subarray(at % PAGE)
      if (page === undefined || page.length === 0) return null
      const end = page.indexOf(0)
      parts.push(end < 0 ? page : page.subarray(0, end))
      if (end >= 0) return Buffer.concat(parts).toString()
      at += page.length
      length += page.length
    }
    return null
  }

  /** The page that begins at an offset; the last one of a file is shorter. */
  #page(start: number): Uint8Array | null {
    const window = start - (start % WINDOW)
    if (!this.#read.has(window)) this.#readWindow(window)
    return this.#pages.get(start) ?? null
  }

  #readWindow(window: number): void {
    this.#read.add(window)
    for (const { offset, bytes } of this.#contents.stretch(window, WINDOW)) {
      for (let at = 0; at < bytes.length; at += PAGE) this.#pages.set(offset + at, bytes.subarray(at, at + PAGE))
    }
  }
}
