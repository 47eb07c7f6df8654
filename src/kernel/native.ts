/** The native core as TypeScript sees it. Only this file loads the addon. */

import { fileURLToPath } from 'node:url'
import { addon } from '../paths.js'
import { require } from '../require.js'

export interface NativeColumn {
  kind: 'u64' | 'i64' | 'text'
  unsigned?: BigUint64Array
  signed?: BigInt64Array
  /** UTF-8 of all rows, joined. */
  bytes?: Uint8Array
  /** Where each row's text begins; one more than there are rows. */
  offsets?: Uint32Array
  /** Bitmap, least significant bit first: 1 means null. */
  nulls: Uint8Array
}

export interface NativeWarning {
  code: string
  message: string
  column?: string
  count: number
  address?: bigint
}

export interface NativeBatch {
  length: number
  addresses: BigUint64Array
  parents: Uint32Array
  columns: NativeColumn[]
  children: NativeBatch[]
  warnings: NativeWarning[]
}

/** What was found in a process's memory, and which of the things asked for each is. */
export interface NativeFound {
  addresses: BigUint64Array
  which: Uint32Array
  capped: boolean
}

/** What one scan hit in one chunk, or why it could not be made. */
export interface NativeScan {
  addresses: BigUint64Array
  which: Uint32Array
  capped: boolean
  failed?: string
  message?: string
}

/** The addon's functions; errors carry `code`: EVIDENCE, NO_SYMBOLS, USAGE or INTERNAL. */
export interface Native {
  /** Opens an image; the id is valid on every thread of this process. */
  openImage(path: string, cacheDir?: string | null, record?: boolean): number
  closeImage(id: number): void
  /** Facts as JSON. */
  describe(id: number): string
  /** A symbol's virtual address. */
  symbol(id: number, name: string): bigint | null
  /** The physical address behind a kernel virtual one. */
  physical(id: number, address: bigint): bigint | null
  query(id: number, spec: string, addresses?: BigUint64Array | null): NativeBatch
  /** What requests (JSON, see `native/src/query/survey.rs`) ask for and an image's kernel, or a section of BTF, lacks; JSON. */
  survey(of: number | Uint8Array, requests: string[]): string
  /** Physical chunks as flat pairs of start and length. */
  scanChunks(id: number, bytes: number): BigUint64Array
  /** Runs scans (JSON, see `native/src/scan`) over one physical chunk in one pass; an answer for each. */
  scanChunk(id: number, requests: string[], start: bigint, length: bigint): NativeScan[]
  /** Where texts stand in a process's memory; `ranges` are flat pairs of first address and end. */
  findText(id: number, mm: bigint, ranges: BigUint64Array, needles: string[]): NativeFound | null
  /** Where 64-bit words lie in it. */
  findWords(id: number, mm: bigint, ranges: BigUint64Array, words: BigUint64Array): NativeFound | null
  /** Its bytes; null unless all of them could be read. */
  readUser(id: number, mm: bigint, address: bigint, length: number): Uint8Array | null
  /** What could not be read since opening, because the file was cut off or failed; null when it is whole. */
  lost(id: number): { message: string; bytes: number } | null
  /** Writes the pages read since opening with `record` to a new file; returns how many. */
  writeTouched(id: number, output: string): number
}

function load(): Native {
  const path = fileURLToPath(addon)
  try {
    return require(path) as Native
  } catch (error) {
    const machine = `${process.platform} ${process.arch}`
    throw new Error(`no native core beside ${path} loads on this ${machine} machine: build it from a checkout`, {
      cause: error,
    })
  }
}

/** The addon. Only worker threads import this module: neither help nor output needs it. */
export const native = load()
