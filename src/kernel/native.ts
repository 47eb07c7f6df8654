/** The native core as TypeScript sees it. Only this file loads the addon. */

import { fileURLToPath } from 'node:url'
import { addon } from '../paths.js'
import { require } from '../require.js'

export interface NativeColumn {
  kind: 'u64' | 'i64' | 'text' | 'bytes'
  unsigned?: BigUint64Array
  signed?: BigInt64Array
  /** Of all rows, joined: UTF-8 of a text column. */
  bytes?: Uint8Array
  /** Where each row begins; one more than there are rows. */
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

/** What was found in a process's memory, which of the things asked for each is, and where to go on. */
export interface NativeFound {
  addresses: BigUint64Array
  which: Uint32Array
  /** The range, and the address in it, from which on nothing was looked at. */
  range?: number
  from?: bigint
  /** Pages that were looked at. */
  pages: number
}

/** A part of a process's memory. */
export interface NativeUserPart {
  /** Where each piece begins, and how long it is, in turn. */
  pieces: BigUint64Array
  /** What each is: 0 present, 1 absent, 2 swapped, 3 excluded, 4 unreadable. */
  states: Uint8Array
  /** Bytes of those that are present, joined. */
  bytes: Uint8Array
  next?: bigint
}

/** What lies at an address. */
export interface NativePlace {
  module: string
  /** Symbols of the module could not be read. */
  lost: boolean
  symbol?: string
  offset?: number
  letter?: string
}

/** Symbols, column by column: the kernel's own, then those of each module. */
export interface NativeSymbols {
  addresses: BigUint64Array
  /** All names, joined. */
  names: Uint8Array
  /** Where each ends. */
  ends: Uint32Array
  /** The letter of each one's type, a byte. */
  letters: Uint8Array
  /** Whose each is: 0 the kernel's own, else one more than the place in `modules`. */
  owners: Uint32Array
  modules: string[]
  /** What is wrong with the list of modules. */
  problem?: string
  /** How many modules have symbols that could not be read. */
  lost: number
}

/** An instruction, as Intel writes it. */
export interface NativeInstruction {
  address: bigint
  /** In bytes. */
  length: number
  text: string
}

/** A part of a file. */
export interface NativeFilePart {
  size: number
  /** Where each piece begins, and how long it is, in turn. */
  pieces: Float64Array
  /** What each is: 0 present, 1 hole, 2 not cached, 3 swapped, 4 excluded, 5 unreadable. */
  states: Uint8Array
  /** Bytes of those that are present, joined. */
  bytes: Uint8Array
  next?: number
  capped: boolean
}

/** What one scan hit in one chunk, or why it could not be made. */
export interface NativeScan {
  addresses: BigUint64Array
  which: Uint32Array
  /** Bytes of each; empty where all are as long. */
  lengths: Uint32Array
  capped: boolean
  failed?: string
  message?: string
}

/** What some physical addresses are, as `native/src/pages/facts.rs` has it; 0 where there is nothing of the kind. */
export interface NativePageFacts {
  kinds: Uint8Array
  owners: BigUint64Array
  indexes: BigUint64Array
  objects: BigUint64Array
  payers: BigUint64Array
}

/** Memory by what it is and who pays. */
export interface NativePageSummary {
  kinds: Uint8Array
  claims: Uint32Array
  owners: BigUint64Array
  payers: BigUint64Array
  bytes: BigUint64Array
  leftOut: number
}

/** Where pages that were asked for are mapped, and which pages are page tables. */
export interface NativeMapped {
  which: Uint32Array
  spaces: Uint32Array
  addresses: BigUint64Array
  tables: BigUint64Array
  tableSpaces: Uint32Array
  lost: number
  capped: boolean
}

/** What page tables map: physical address, virtual address and bytes of each run, in turn. */
export interface NativeMaps {
  runs: BigUint64Array
  tables: BigUint64Array
  lost: number
  capped: boolean
}

/** What was found in a process's memory or in a file. */
export interface NativeHits {
  /** Virtual addresses, or offsets in the file. */
  addresses: BigUint64Array
  physical: BigUint64Array
  lengths: Uint32Array
  which: Uint32Array
  capped: boolean
}

/** Bytes around places: all joined, where those of each begin, and where the place begins in its own. */
export interface NativeSurroundings {
  bytes: Uint8Array
  offsets: Uint32Array
  begins: Uint32Array
}

/** An image in another format. */
export interface NativeConverted {
  /** The format that was read. */
  format: string
  /** The files that were read. */
  files: string[]
  machine?: string
  /** Physical memory that was written: first address and bytes, in turn. */
  held: BigUint64Array
  /** What the image should have and was not written, the same way. */
  missing: BigUint64Array
  /** Why: 0 not in the file, 1 left out by whoever made it, 2 unreadable. */
  reasons: Uint8Array
  warnings: string[]
  notes: string[]
}

/** The addon's functions; errors carry `code`: EVIDENCE, NO_SYMBOLS, USAGE, LIMIT or INTERNAL. */
export interface Native {
  /**
   * Opens an image; the id is valid on every thread of this process. What is compressed or in an archive is unpacked into
   * the cache folder first, unless it is there: `most` bytes, and `progress` hears bytes read of bytes and answers whether
   * to go on. `symbols` are files and folders of symbols and types that count before the image's own.
   */
  openImage(
    path: string,
    name: string | null,
    cacheDir: string | null,
    record: boolean,
    most: number,
    symbols: readonly string[],
    progress: (read: number, size: number) => boolean,
  ): number
  /**
   * The same of an image that is elsewhere and has its memory in it as it is: `path` is an empty file of its size, into which
   * whoever listens at the socket `door` brings what is read.
   */
  openRemoteImage(
    path: string,
    door: string,
    name: string,
    cacheDir: string | null,
    record: boolean,
    symbols: readonly string[],
  ): number
  /** Whether what begins like this has its memory in it as it is, and how many bytes that is told by. */
  isPlain(head: Uint8Array): boolean
  headBytes(): number
  /** Keeps this process, and what it starts from now on, to some of the processors that it may use. */
  keepToProcessors(processors: number[]): void
  /** A path under which this process can open the file that an image is read from, whatever it is called. */
  imageFile(image: number): string
  /** Has runs of memory (address, physical address, bytes) in that file, where the image is elsewhere. */
  bring(image: number, runs: BigUint64Array): void
  /**
   * Writes an image's memory into a new file of another format, and compares what can be read of it. `progress` hears what
   * is done (0 unpacking, 1 writing, 2 comparing) and bytes of bytes, and answers whether to go on.
   */
  convertImage(
    path: string,
    name: string | null,
    cacheDir: string | null,
    most: number,
    format: string,
    output: string,
    progress: (phase: number, done: number, total: number) => boolean,
  ): NativeConverted
  /** The files that would be read with an image, before it is opened: the other parts of a dump that was split. */
  companions(path: string): string[]
  /** What an image's headers say, before any kernel is looked for; JSON. */
  describeFile(path: string): string
  closeImage(id: number): void
  /** Facts as JSON. */
  describe(id: number): string
  /** The virtual address of a symbol of the kernel's own. */
  symbol(id: number, name: string): bigint | null
  /** The same, or else of a module's. */
  anySymbol(id: number, name: string): bigint | null
  /** What lies at addresses, and what is wrong with the list of modules where it was needed. */
  resolve(id: number, addresses: BigUint64Array): { places: (NativePlace | null | undefined)[]; problem?: string }
  /** Every symbol of the kernel's own and of its loaded modules. */
  symbols(id: number): NativeSymbols
  /** Objects in modules' memory that have their own address at one of these distances from their starts, ascending. */
  findOwn(id: number, offsets: Uint32Array): { addresses: BigUint64Array; capped: boolean }
  /** The physical address behind a kernel virtual one. */
  physical(id: number, address: bigint): bigint | null
  query(id: number, spec: string, addresses?: BigUint64Array | null): NativeBatch
  /** What the page cache holds of a file from a page on: `bytes` at most, with 0 only what there is. */
  filePart(id: number, inode: bigint, from: number, bytes: number): NativeFilePart | null
  /** What requests (JSON, see `native/src/query/survey.rs`) ask for and an image's kernel, or a section of BTF, lacks; JSON. */
  survey(of: number | Uint8Array, requests: string[]): string
  /** Physical chunks as flat pairs of start and length. */
  scanChunks(id: number, bytes: number): BigUint64Array
  /** Runs scans (JSON, see `native/src/scan`) over such chunks in one pass on so many threads: for each an answer for each scan. */
  scan(id: number, requests: string[], chunks: BigUint64Array, threads: number): NativeScan[][]
  /** Where patterns stand in a process's memory, from an address of the first range on; `ranges` are flat pairs of first address and end. */
  findBytes(id: number, mm: bigint, ranges: BigUint64Array, from: bigint, patterns: Uint8Array[]): NativeFound | null
  /** Where 64-bit words lie in it. */
  findWords(id: number, mm: bigint, ranges: BigUint64Array, from: bigint, words: BigUint64Array): NativeFound | null
  /** What there is of it from one address to another: `bytes` at most, with 0 only what there is. */
  userPart(id: number, mm: bigint, start: bigint, end: bigint, bytes: number): NativeUserPart | null
  /** The instructions of x86 in bytes that lie at an address, for a processor of 16, 32 or 64 bits. */
  disassemble(bytes: Uint8Array, address: bigint, bits: number): NativeInstruction[]
  /** What lies at physical addresses, by their `struct page`s and the slab caches that the kernel knows. */
  pageFacts(id: number, slabs: BigUint64Array, addresses: BigUint64Array): NativePageFacts
  /** Counts memory by what it is; `claims` (flat pairs of first address and end, in order) tell what no page itself does. */
  pageSummary(
    id: number,
    slabs: BigUint64Array,
    claims: BigUint64Array,
    what: Uint32Array,
    start: bigint,
    end: bigint,
  ): NativePageSummary
  /** Where pages (ascending physical addresses) are mapped in address spaces, with all their tables where asked for. */
  mappedPages(id: number, mms: BigUint64Array, pages: BigUint64Array, withTables: boolean): NativeMapped
  /** What the kernel's own page tables map beside all of memory. */
  kernelMaps(id: number): NativeMaps
  /** What those of a process map of a range. */
  processMaps(id: number, mm: bigint, start: bigint, end: bigint): NativeMaps | null
  /** The address of the `struct page` of physical address 0, and the bytes of each. */
  pageStructs(id: number): { first: bigint; size: number; base: bigint } | null
  /** Where patterns and expressions (JSON) are found in ranges (flat pairs) of a process's memory. */
  searchProcess(id: number, mm: bigint, ranges: BigUint64Array, patterns: string): NativeHits | null
  /** The same in what the page cache holds of a file. */
  searchFile(id: number, inode: bigint, patterns: string): NativeHits | null
  /** What the page cache holds of a file: offset, physical address and bytes of each run, in turn. */
  fileRuns(id: number, inode: bigint): BigUint64Array | null
  /** Bytes around places of physical memory, each within its page. */
  surroundings(
    id: number,
    addresses: BigUint64Array,
    lengths: Uint32Array,
    before: number,
    after: number,
  ): NativeSurroundings
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

/** The addon. Only worker threads import this module, but for a kdump's companions: neither help nor output needs it. */
export const native = load()
