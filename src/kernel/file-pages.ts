/** Single records of a file in the page cache, read a page at a time and kept: for tables of which pages may be missing. */

import { type FileContents, LARGEST_PAGE } from './file-contents.js'

/** Read at once, and kept in these. */
const WINDOW = LARGEST_PAGE
const PAGE = 1 << 12
/** Bytes of a name in a file. */
const LONGEST_TEXT = 4096

/** Windows that are kept at a time, of all files together. */
const MOST_WINDOWS = 128

/** Pages by their offsets in a file. */
type Window = ReadonlyMap<number, Uint8Array>

/** What was read last of some files: tables lie beside each other, and are read one after the other. */
export class Windows {
  /** The one that was not asked for the longest is the first. */
  readonly #kept = new Map<string, Window>()
  #files = 0

  /** A number for one more file. */
  add(): number {
    return this.#files++
  }

  /** The window of a file at an offset; `read` makes it where it is not there any more. */
  take(file: number, start: number, read: () => Window): Window {
    const key = `${file} ${start}`
    const window = this.#kept.get(key) ?? read()
    this.#kept.delete(key)
    this.#kept.set(key, window)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MOST_WINDOWS && oldest !== undefined) this.#kept.delete(oldest)
    return window
  }
}

/** A file's bytes by their offsets. */
export class FilePages {
  readonly #contents: FileContents
  readonly #windows: Windows
  readonly #file: number
  /** The window that was asked for last, which is mostly the next as well. */
  #last: { start: number; window: Window } | null = null

  constructor(contents: FileContents, windows: Windows) {
    this.#contents = contents
    this.#windows = windows
    this.#file = windows.add()
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
  #page(page: number): Uint8Array | null {
    const start = page - (page % WINDOW)
    if (this.#last?.start !== start) {
      this.#last = { start, window: this.#windows.take(this.#file, start, () => this.#read(start)) }
    }
    return this.#last.window.get(page) ?? null
  }

  #read(start: number): Window {
    const window = new Map<number, Uint8Array>()
    for (const { offset, bytes } of this.#contents.stretch(start, WINDOW)) {
      for (let at = 0; at < bytes.length; at += PAGE) window.set(offset + at, bytes.subarray(at, at + PAGE))
    }
    return window
  }
}
