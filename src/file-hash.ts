import { closeSync, openSync, readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { require } from './require.js'

const PIECE_BYTES = 1 << 20

export interface Hashing {
  readonly signal?: AbortSignal
  /** Hears of each piece how many bytes it has. */
  readonly advance?: (bytes: number) => void
}

/** SHA-256 of a text or of bytes. */
export function sha256Of(content: string | Uint8Array): string {
  const { createHash } = require('node:crypto') as typeof import('node:crypto')
  return createHash('sha256').update(content).digest('hex')
}

/**
 * SHA-256 of a file, read once from its beginning to its end as it is now, and how many bytes that were. Piece by piece
 * into the same memory: a stream, which allocates each, takes a third more of the processor's time. Whoever else has
 * something to do gets to it between two pieces.
 */
export async function fileHash(
  file: string | FileHandle,
  { signal, advance }: Hashing = {},
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  // Loaded when a file is hashed: most runs hash none.
  const { createHash } = require('node:crypto') as typeof import('node:crypto')
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
  const descriptor = typeof file === 'string' ? openSync(file, 'r') : file.fd
  let bytes = 0
  try {
    for (;;) {
      signal?.throwIfAborted()
      const count = readSync(descriptor, piece, 0, PIECE_BYTES, bytes)
      if (count === 0) break
      hash.update(piece.subarray(0, count))
      bytes += count
      advance?.(count)
      await setImmediate()
    }
  } finally {
    if (typeof file === 'string') closeSync(descriptor)
  }
  return { sha256: hash.digest('hex'), bytes }
}
