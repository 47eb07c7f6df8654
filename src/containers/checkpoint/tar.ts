/** A tar that is written member by member, some of which are tars themselves. */

import { require } from '../../require.js'

/** A block of tar: headers are one, and contents are filled up to whole ones (POSIX.1-1988 ustar). */
const BLOCK = 512

/** Where it is written to. */
export interface TarTarget {
  writeAt(offset: number, bytes: Uint8Array): void
}

export interface TarMember {
  readonly path: string
  readonly type: 'File' | 'Directory' | 'SymbolicLink'
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
  readonly modified?: Date | undefined
  /** Of a link: where it leads. */
  readonly target?: string
}

export class TarWriter {
  readonly #target: TarTarget
  readonly #tar: typeof import('tar')
  #at: number

  /** `at` is where it begins in what it is written to. */
  constructor(target: TarTarget, at = 0) {
    this.#target = target
    // Few runs write one.
    this.#tar = require('tar') as typeof import('tar')
    this.#at = at
  }

  /** A member without contents. */
  add(member: TarMember): void {
    this.#header(member, 0)
  }

  file(path: string, bytes: Uint8Array): void {
    this.#header({ path, type: 'File', mode: 0o600 }, bytes.length)
    this.#write(bytes)
    this.#fill()
  }

  /** A member of a size that is known before; what of it is written nowhere reads as zeros. */
  async contents(
    member: TarMember,
    size: number,
    write: (put: (piece: Uint8Array, offset: number) => void) => Promise<void>,
  ): Promise<void> {
    this.#header(member, size)
    const start = this.#at
    await write((piece, offset) => {
      const room = piece.subarray(0, Math.max(0, size - offset))
      if (room.length > 0) this.#target.writeAt(start + offset, room)
    })
    this.#at = start + size
    this.#fill()
  }

  /** A member that is a tar; its size is known when it is written. */
  async inner(path: string, write: (tar: TarWriter) => Promise<void>): Promise<void> {
    const member: TarMember = { path, type: 'File', mode: 0o600 }
    const place = this.#at
    this.#at += BLOCK
    const inner = new TarWriter(this.#target, this.#at)
    await write(inner)
    inner.end()
    const size = inner.#at - this.#at
    this.#at = place
    this.#header(member, size)
    this.#at += size
  }

  /** Two empty blocks. */
  end(): void {
    this.#write(new Uint8Array(2 * BLOCK))
  }

  #header({ path, type, mode, uid = 0, gid = 0, modified, target }: TarMember, size: number): void {
    const link = target === undefined ? {} : { linkpath: target }
    const about = { path, type, mode, uid, gid, size, mtime: modified ?? new Date(0), ...link }
    const header = new this.#tar.Header(about)
    const block = Buffer.alloc(BLOCK)
    // What does not fit into a header stands in one of its own before it.
    if (header.encode(block, 0)) this.#write(new this.#tar.Pax({ path, size, ...link }).encode())
    this.#write(block)
  }

  #write(bytes: Uint8Array): void {
    this.#target.writeAt(this.#at, bytes)
    this.#at += bytes.length
  }

  #fill(): void {
    const rest = (BLOCK - (this.#at % BLOCK)) % BLOCK
    if (rest > 0) this.#write(new Uint8Array(rest))
  }
}
