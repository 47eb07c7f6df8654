import type { Warning } from '../warning.js'
import { type ImageInfo, Kernel, type OpenOptions } from './kernel.js'
import { native } from './native.js'
import { type ScanRequest, scanSpec } from './scans.js'

/** All that the engine's workers ask of the kernel layer; tests put another module in its place. */
export interface Backend {
  open(path: string, options: OpenOptions): { id: number; info: ImageInfo }
  attach(id: number, warn: (warning: Warning) => void): Kernel
  /** Flat pairs of start and length of the physical chunks to scan. */
  chunks(id: number, bytes: number): BigUint64Array
  /** Makes scans of one chunk in one pass; an answer for each. */
  scan(id: number, requests: readonly ScanRequest[], start: bigint, length: bigint): ChunkHits[]
  /** What the image's file no longer gives; null when nothing was lost. */
  lost(id: number): Loss | null
  /** Writes the pages read since a recording open to a new file; returns how many. */
  writeTouched(id: number, output: string): number
  close(id: number): void
}

/** What a scan hit in one chunk, or why it could not be made. */
export type ChunkHits =
  | { readonly failed: null; readonly hits: Hits; readonly warnings: readonly Warning[] }
  | { readonly failed: { readonly code: string; readonly message: string } }

/** Addresses, ascending, with which of several things asked for lies at each; `which` is empty where it is one. */
export interface Hits {
  readonly addresses: BigUint64Array
  readonly which: Uint32Array
  /** Bytes of each; empty where all are as long. */
  readonly lengths: Uint32Array
}

/** Memory that could not be read because the file was cut off or its disk failed meanwhile. */
export interface Loss {
  /** One line, with the offset in the file. */
  readonly message: string
  readonly bytes: number
}

export const backend: Backend = {
  open: Kernel.open,
  attach: Kernel.attach,
  chunks: native.scanChunks,
  scan(id, requests, start, length) {
    const message = 'more hits in a chunk than are kept'
    const warning = { code: 'cap', message, address: `0x${start.toString(16)}` }
    const found = native.scanChunk(id, requests.map(scanSpec), start, length)
    return found.map(({ addresses, which, lengths, capped, failed, message = '' }) =>
      failed === undefined
        ? { failed: null, hits: { addresses, which, lengths }, warnings: capped ? [warning] : [] }
        : { failed: { code: failed, message } },
    )
  },
  lost: native.lost,
  writeTouched: native.writeTouched,
  close: Kernel.close,
}
