import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
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

/** SHA-256 of a file, read once from its beginning to its end as it is now, and how many bytes that were. */
export async function fileHash(
  file: string | FileHandle,
  { signal, advance }: Hashing = {},
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  // Loaded when a file is hashed: most runs hash none.
  const { createHash } = require('node:crypto') as typeof import('node:crypto')
  const hash = createHash('sha256')
  const options = { highWaterMark: PIECE_BYTES, ...(signal === undefined ? {} : { signal }) }
  const stream =
    typeof file === 'string'
      ? createReadStream(file, options)
      : file.createReadStream({ ...options, autoClose: false, start: 0 })
  let bytes = 0
  for await (const piece of stream as AsyncIterable<Buffer>) {
    hash.update(piece)
    bytes += piece.length
    advance?.(piece.length)
  }
  return { sha256: hash.digest('hex'), bytes }
}
