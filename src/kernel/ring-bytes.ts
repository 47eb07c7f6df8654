/** Bytes of a buffer in the kernel's memory, of which pages may be missing: read once, piece by piece. */

import type { Kernel } from './kernel.js'
import { bytes } from './query.js'

const PIECE = 4096

/** A buffer as far as it can be read. */
export class RingBytes {
  readonly #pieces: readonly (Uint8Array | null)[]
  /** Bytes of one. */
  readonly #size: number

  /** Reads `length` bytes, which the caller has found believable, from `start` on. */
  constructor(kernel: Kernel, start: bigint, length: number) {
    const size = Math.min(PIECE, length)
    const count = size === 0 ? 0 : Math.ceil(length / size)
    const places = Array.from({ length: count }, (_, piece) => start + BigInt(piece * size))
    const found = kernel.at(places, 'char').select({ piece: bytes('', { length: size }) })
    this.#pieces = places.map((_, row) => found.column('piece').bytes(row))
    this.#size = size
  }

  /** So many bytes from a place in the buffer on; null where some are missing. */
  at(from: number, length: number): Uint8Array | null {
    const out = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const place = from + done
      const piece = this.#pieces[Math.floor(place / this.#size)] ?? null
      if (piece === null) return null
      const part = piece.subarray(place % this.#size, (place % this.#size) + length - done)
      out.set(part, done)
      done += part.length
    }
    return out
  }
}
