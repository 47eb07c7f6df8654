import type { Warning } from '../warning.js'
import { type ImageInfo, Kernel, type OpenOptions, type Progress, UNPACK_LIMIT } from './kernel.js'
import { type NativeConverted, type NativeScan, native } from './native.js'
import { type ScanRequest, scanSpec } from './scans.js'

/** All that the engine's workers ask of the kernel layer; tests put another module in its place. */
export interface Backend {
  open(path: string, options: OpenOptions, progress?: Progress): { id: number; info: ImageInfo }
  attach(id: number, warn: (warning: Warning) => void): Kernel
  /** Flat pairs of start and length of the physical chunks to scan. */
  chunks(id: number, bytes: number): BigUint64Array
  /** Makes scans of such chunks in one pass on so many threads: for each chunk an answer for each scan. */
  scan(id: number, requests: readonly ScanRequest[], chunks: BigUint64Array, threads: number): ChunkHits[][]
  /** What the image's file no longer gives; null when nothing was lost. */
  lost(id: number): Loss | null
  /** Writes the pages read since a recording open to a new file; returns how many. */
  writeTouched(id: number, output: string): number
  close(id: number): void
  /**
   * Writes an image's memory into a new file of another format, and compares the two. `progress` hears what is done (0
   * unpacking, 1 writing, 2 comparing) and bytes of bytes, and answers whether to go on.
   */
  convert(
    path: string,
    options: OpenOptions,
    to: { readonly format: string; readonly output: string },
    progress: (phase: number, done: number, total: number) => boolean,
  ): Converted
}

export type Converted = NativeConverted

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

function chunkHits(scan: NativeScan, start: bigint): ChunkHits {
  const { addresses, which, lengths, capped, failed, message = '' } = scan
  if (failed !== undefined) return { failed: { code: failed, message } }
  const warning = { code: 'cap', message: 'more hits in a chunk than are kept', address: `0x${start.toString(16)}` }
  return { failed: null, hits: { addresses, which, lengths }, warnings: capped ? [warning] : [] }
}

export const backend: Backend = {
  open: Kernel.open,
  attach: Kernel.attach,
  chunks: native.scanChunks,
  scan(id, requests, chunks, threads) {
    const found = native.scan(id, requests.map(scanSpec), chunks, threads)
    return found.map((scans, index) => scans.map((scan) => chunkHits(scan, chunks[index * 2] ?? 0n)))
  },
  lost: native.lost,
  writeTouched: native.writeTouched,
  close: Kernel.close,
  convert(path, { cacheDir, name = null, unpackLimit = UNPACK_LIMIT }, { format, output }, progress) {
    return native.convertImage(path, name, cacheDir, unpackLimit * 2 ** 30, format, output, progress)
  },
}
