/** The kernel of an opened image, as analyzers see it. */

import type { Warning } from '../warning.js'
import { Batch } from './batch.js'
import { FileContents } from './file-contents.js'
import { type NativeBatch, native } from './native.js'
import { type Children, list, type Nested, type None, nestedSpec, object, type Selects, type Walk } from './query.js'
import type { Rule } from './rule.js'
import { forgetShared, once, type Shared, sharedOf } from './shared.js'

/** Facts about an image and its kernel. Addresses are `0x…` strings. */
export interface ImageInfo {
  format: string
  size: number
  /** What it is read from, the named file first. */
  files: string[]
  /** The compressed file or archive that the first of them was unpacked from; null where it was not. */
  unpacked_from: string | null
  ranges: { start: string; end: string; bytes: number }[]
  architecture: string
  page_levels: number
  page_size: number
  /** Bits of a virtual address that page tables translate. */
  address_bits: number
  release: string
  banner: string
  build_id: string | null
  kernel_physical: string
  kernel_virtual: string
  symbols: number
  symbols_from: string
  types_from: string
  modules_with_types: number
  /** What the file promises but does not hold, and what was not as it should be. */
  warnings: Warning[]
}

export interface OpenOptions {
  /** Where discovered symbols are kept; null keeps none. */
  readonly cacheDir: string | null
  /** Most GiB that an image may have that is unpacked first. */
  readonly unpackLimit?: number
  /** Files and folders of symbols and types, which count before the image's own. */
  readonly symbols?: readonly string[]
  /** What an image is called that has no path of its own here. */
  readonly name?: string
  /** The socket at which somebody brings what is read of an image that is elsewhere. */
  readonly door?: string
  /** Remember every page that is read from the start on, for a distilled image. */
  readonly record?: boolean
}

/** Hears how much of how much is done; answers whether to go on. */
export type Progress = (done: number, total: number) => boolean

/** GiB that an image may have that is unpacked first, where nobody says otherwise. */
export const UNPACK_LIMIT = 256

function describe(id: number): ImageInfo {
  return JSON.parse(native.describe(id)) as ImageInfo
}

/** What to read of each object, and which walks start at it. */
export type Shape = Pick<Nested, 'select' | 'children'>

/** Where a query's objects come from. */
type From = { symbol: string; type: string; perCpu?: boolean } | { addresses: true; type: string }

/** Objects of one type, and how to reach more from them. Nothing is read before `select`. */
export class Objects {
  readonly #kernel: Kernel
  readonly #from: From
  readonly #addresses: BigUint64Array | null
  readonly #walk: Walk | null
  readonly #most: number | null
  readonly #rules: readonly Rule[]

  constructor(
    kernel: Kernel,
    from: From,
    addresses: BigUint64Array | null,
    walk: Walk | null,
    most: number | null = null,
    rules: readonly Rule[] = [],
  ) {
    this.#kernel = kernel
    this.#from = from
    this.#addresses = addresses
    this.#walk = walk
    this.#most = most
    this.#rules = rules
  }

  /** The objects that a walk yields from each of these. Walks from what it yields are nested in it, by `select`. */
  walk(walk: Walk): Objects {
    if (this.#walk !== null)
      throw new Error('a walk is there already: nest another by select({}, { name: { walk, … } })')
    return new Objects(this.#kernel, this.#from, this.#addresses, walk, this.#most, this.#rules)
  }

  /** The same, where each object must obey more than its type does. */
  obeying(rules: readonly Rule[]): Objects {
    return new Objects(this.#kernel, this.#from, this.#addresses, this.#walk, this.#most, rules)
  }

  /** The same, where a walk that gives more than `most` objects is cut off and reported. */
  most(most: number): Objects {
    return new Objects(this.#kernel, this.#from, this.#addresses, this.#walk, most, this.#rules)
  }

  /** Reads columns of every object, and those of nested walks, in one call. */
  select<const S extends Selects>(select: S): Batch<S>
  select<const S extends Selects, const C extends Children>(select: S, children: C): Batch<S, C>
  select(select: Selects, children: Children = {}): Batch<Selects, Children> {
    // Rules are held against what a walk leads to.
    const walk = this.#walk ?? (this.#rules.length > 0 ? object('') : null)
    return this.#kernel.run(this.#from, { walk, rules: this.#rules, select, children }, this.#addresses, this.#most)
  }
}

/**
 * What lies at an address. Names are as the kernel has them, with what no compiler puts into one as `\\xNN`.
 */
export interface Place {
  /** The module whose memory it is in; `kernel` is the kernel proper. */
  readonly module: string
  /** The symbol at or below the address; null where none reaches so far. */
  readonly symbol: string | null
  /** Bytes from the symbol to the address. */
  readonly offset: number | null
  /** The letter of the symbol's type, as in /proc/kallsyms; modules' are small. */
  readonly type: string | null
}

/** Symbols, column by column: the kernel's own in the order of its table, then those of each module, newest first. */
export interface Symbols {
  /** Addresses, or values of what is none. */
  addresses: BigUint64Array
  names: string[]
  /** Letters of their types: modules' are small. */
  letters: string[]
  /** Null for the kernel's own. */
  modules: (string | null)[]
}

/** An opened image's kernel, attached to this thread. */
export class Kernel {
  readonly id: number
  readonly info: ImageInfo
  readonly #warn: (warning: Warning) => void
  readonly #shared: Shared

  private constructor(id: number, info: ImageInfo, shared: Shared, warn: (warning: Warning) => void) {
    this.id = id
    this.info = info
    this.#shared = shared
    this.#warn = warn
  }

  /** Opens an image; the id is valid on every thread of this process. `progress` hears of what is unpacked first. */
  static open(path: string, options: OpenOptions, progress: Progress = () => true): { id: number; info: ImageInfo } {
    const { cacheDir, name = null, record = false, unpackLimit = UNPACK_LIMIT, symbols = [], door } = options
    const id =
      door === undefined
        ? native.openImage(path, name, cacheDir, record, unpackLimit * 2 ** 30, symbols, progress)
        : native.openRemoteImage(path, door, name ?? path, cacheDir, record, symbols)
    return { id, info: describe(id) }
  }

  /** Attaches to an image that some thread of this process has opened; `warn` hears what cannot be read. */
  static attach(id: number, warn: (warning: Warning) => void): Kernel {
    return new Kernel(id, describe(id), sharedOf(id), warn)
  }

  /** Forgets an image, for every thread, and what this one has read of it. */
  static close(id: number): void {
    native.closeImage(id)
    forgetShared(id)
  }

  /** The address of a symbol of the kernel's own; null when it has no such symbol. */
  address(symbol: string): bigint | null {
    return native.symbol(this.id, symbol)
  }

  /**
   * The same, or that of a loaded module's symbol, for which `module:symbol` asks too. Modules are read when the first
   * name is not one of the kernel's own. A query may begin at either.
   */
  symbolAddress(symbol: string): bigint | null {
    return native.anySymbol(this.id, symbol)
  }

  /** What lies at addresses, in their order: null where neither the kernel nor a loaded module has anything. */
  resolve(addresses: Iterable<bigint>): (Place | null)[] {
    const packed = addresses instanceof BigUint64Array ? addresses : BigUint64Array.from(addresses)
    const { places, problem } = native.resolve(this.id, packed)
    const unknown = places.filter((place, index) => place == null && packed[index] !== 0n).length
    if (problem !== undefined && unknown > 0) {
      this.#warn({
        code: 'torn',
        message: `the list of modules ${problem}: an address may be in a lost one`,
        count: unknown,
      })
    }
    const lost = places.filter((place) => place?.lost).length
    if (lost > 0) this.#warn({ code: 'unreadable', message: "a module's symbols could not be read", count: lost })
    return places.map((place) => {
      if (place == null) return null
      const { module, symbol, offset, letter } = place
      if (place.lost || symbol === undefined) return { module, symbol: null, offset: null, type: null }
      return { module, symbol, offset: offset ?? 0, type: letter ?? null }
    })
  }

  /** What `ask` gives; null where the kernel has nothing of what it asks for, because other kernels have it. */
  attempt<T>(ask: () => T): T | null {
    try {
      return ask()
    } catch (error) {
      if ((error as { code?: unknown }).code === 'NO_SYMBOLS') return null
      throw error
    }
  }

  /** What is wrong with the list of modules, where code without a symbol may be in one that was lost; null where it is whole. */
  get lostModules(): string | null {
    // Nothing is at the first address, so that modules are asked for.
    return native.resolve(this.id, BigUint64Array.of(1n)).problem ?? null
  }

  /** Every symbol of the kernel's own and of its loaded modules. */
  symbols(): Symbols {
    const { addresses, names, ends, letters, owners, modules, problem, lost } = native.symbols(this.id)
    if (problem !== undefined) this.#warn({ code: 'torn', message: `the list of modules ${problem}`, count: 1 })
    if (lost > 0) this.#warn({ code: 'unreadable', message: "a module's symbols could not be read", count: lost })
    const letterOf = Array.from({ length: 256 }, (_, letter) => String.fromCharCode(letter))
    return {
      addresses,
      names: pieces(names, ends),
      letters: Array.from(letters, (letter) => letterOf[letter] ?? '?'),
      modules: Array.from(owners, (owner) => (owner === 0 ? null : (modules[owner - 1] ?? null))),
    }
  }

  /** Pages of memory that the image holds. */
  get pages(): number {
    return Math.ceil(this.info.ranges.reduce((sum, { bytes }) => sum + bytes, 0) / this.info.page_size)
  }

  /** Says that something is missing or was left out. */
  warn(warning: Warning): void {
    this.#warn(warning)
  }

  /** The same kernel, where what cannot be read is only a note: for what is left of objects that are gone. */
  leftovers(): Kernel {
    return this.#heardBy((warning) => this.#warn({ ...warning, code: warning.code === 'cap' ? 'cap' : 'leftover' }))
  }

  /** The same kernel, where it is no news that its types lack something: of kinds that such a kernel cannot have. */
  ofKindsItHas(): Kernel {
    return this.#heardBy((warning) => {
      if (warning.code !== 'absent') this.#warn(warning)
    })
  }

  /** The same kernel, where a walk that comes to where it was has come around a ring that has no other end. */
  ofRings(): Kernel {
    return this.#heardBy((warning) => {
      if (warning.code !== 'cycle') this.#warn(warning)
    })
  }

  /** The address of the first of some symbols that there is, for a query to begin at; none where it has none of them. */
  addresses(...symbols: string[]): bigint[] {
    const found = symbols.map((symbol) => this.address(symbol)).find((address) => address !== null)
    return found == null ? [] : [found]
  }

  /** The same kernel, where nobody is told what cannot be read. */
  unheard(): Kernel {
    return this.#heardBy(() => {})
  }

  #heardBy(warn: (warning: Warning) => void): Kernel {
    return new Kernel(this.id, this.info, this.#shared, warn)
  }

  /**
   * What `make` reads, read once per image by all tables of this thread. `make` is the key: a function of a module, that
   * reads the same from the same image. Nobody may change what it gives; the warnings come each time.
   */
  once<T>(make: (kernel: Kernel) => T): T {
    return once(this.#shared, (warn) => make(this.#heardBy(warn)), make, this.#warn)
  }

  /** How many of `length` objects are taken; more than `most` were made to exhaust memory, and are reported. */
  capped(what: string, length: number, most: number): number {
    if (length <= most) return length
    this.#warn({ code: 'cap', message: `more than ${most} ${what}: the rest is left out`, count: length - most })
    return most
  }

  /** Objects in modules' memory that have their own address at one of these distances from their starts: ascending, each once. */
  findOwn(offsets: readonly number[]): BigUint64Array {
    const { addresses, capped } = native.findOwn(this.id, Uint32Array.from(offsets))
    if (capped) this.#warn({ code: 'cap', message: "more objects in modules' memory than are looked at" })
    return addresses
  }

  /** The physical address behind a kernel virtual one; null where nothing is mapped. */
  physical(address: bigint): bigint | null {
    return native.physical(this.id, address)
  }

  /** What the page cache holds of an inode's file; null, and a warning, where the inode cannot be read. */
  fileContents(inode: bigint): FileContents | null {
    return FileContents.of(this, inode)
  }

  /** Forgets the image, for every thread. */
  close(): void {
    Kernel.close(this.id)
  }

  /** The object at a symbol. */
  symbol(symbol: string, type: string): Objects {
    return new Objects(this, { symbol, type }, null, null)
  }

  /** Every CPU's copy of a per-CPU symbol. */
  perCpu(symbol: string, type: string): Objects {
    return new Objects(this, { symbol, type, perCpu: true }, null, null)
  }

  /** Objects at known addresses. */
  at(addresses: Iterable<bigint>, type: string): Objects {
    const packed = addresses instanceof BigUint64Array ? addresses : BigUint64Array.from(addresses)
    return new Objects(this, { addresses: true, type }, packed, null)
  }

  /** Every object on a global `list_head`. */
  list(symbol: string, type: string, link: string): Objects {
    return this.symbol(symbol, 'struct list_head').walk(list('', type, link))
  }

  /** Runs a query; its warnings go to whoever attached. */
  run<S extends Selects, C extends Children = None>(
    from: From,
    nested: Omit<Nested, 'walk'> & { readonly walk: Walk | null; readonly select: S; readonly children: C },
    addresses: BigUint64Array | null = null,
    most: number | null = null,
  ): Batch<S, C> {
    const result = native.query(this.id, JSON.stringify({ from, ...nestedSpec(nested), most }), addresses)
    this.#report(result)
    return new Batch(result, nested)
  }

  #report(batch: NativeBatch): void {
    for (const { code, message, column, count, address } of batch.warnings) {
      this.#warn({
        code,
        message,
        count,
        ...(column === undefined ? {} : { column }),
        ...(address === undefined ? {} : { address: `0x${address.toString(16)}` }),
      })
    }
    for (const child of batch.children) this.#report(child)
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Texts that lie one after another, cut out of one that is decoded whole where each byte is a character. */
function pieces(bytes: Uint8Array, ends: Uint32Array): string[] {
  const whole = decoder.decode(bytes)
  const cut = whole.length === bytes.length
  return Array.from(ends, (end, piece) => {
    const start = piece === 0 ? 0 : ends[piece - 1]
    return cut ? whole.slice(start, end) : decoder.decode(bytes.subarray(start, end))
  })
}
