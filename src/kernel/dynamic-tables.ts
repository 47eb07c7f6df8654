/**
 * What an ELF object has for the dynamic loader (elf(5), the System V gABI and its processor supplements): what it needs,
 * the functions that it defines, and the slots into which the loader writes where the functions are that it imports. Read
 * from its file, so that no process has a say in it; addresses are the object's own, before it is loaded anywhere.
 */

import { append } from '../append.js'

/** Tags of the dynamic section. */
const DT = {
  needed: 1,
  jumpsBytes: 2,
  hash: 4,
  strings: 5,
  symbols: 6,
  rela: 7,
  relaBytes: 8,
  soname: 14,
  rel: 17,
  relBytes: 18,
  jumpsKind: 20,
  jumps: 23,
  gnuHash: 0x6ffffef5,
} as const
/** Of those the ones whose values are addresses. */
const ADDRESSES: ReadonlySet<number> = new Set([
  ...[DT.hash, DT.strings, DT.symbols, DT.rela, DT.rel, DT.jumps, DT.gnuHash],
])
/** STT_NOTYPE, which hand-written code is, STT_FUNC and STT_GNU_IFUNC. */
const [NO_TYPE, FUNCTION, INDIRECT] = [0, 2, 10]
/** What the loader puts a function's address into, by `uname -m` and bytes of a word: R_…_JUMP_SLOT and R_…_GLOB_DAT. */
const SLOTS: Readonly<Record<string, Readonly<Record<4 | 8, readonly [jump: number, other: number]>>>> = {
  x86_64: { 8: [7, 6], 4: [7, 6] },
  aarch64: { 8: [1026, 1025], 4: [22, 21] },
}
/** Entries of a dynamic section, and slots of one object; symbols of one chain of hashes. */
const MOST_ENTRIES = 1024
const MOST_CHAINED = 1 << 12
const MOST_SLOTS = 1 << 18

/** Bytes and names of an object by its own addresses; null where some are not in memory. */
export interface ObjectBytes {
  bytes(address: bigint, length: number): DataView | null
  text(address: bigint): string | null
}

/** Where a function is by the object that defines it; indirect: where the function is that says where it is. */
export interface Definition {
  readonly value: bigint
  readonly indirect: boolean
}

/** What stands for a symbol that is no function of the object's own. */
const NONE: Definition = { value: 0n, indirect: false }

/** dl_new_hash() of glibc (sysdeps/generic/dl-hash.h). */
function gnuHash(name: Uint8Array): number {
  return name.reduce((hash, byte) => (Math.imul(hash, 33) + byte) >>> 0, 5381)
}

/** elf_hash() of the System V gABI. */
function sysvHash(name: Uint8Array): number {
  return name.reduce((hash, byte) => {
    const next = ((hash << 4) + byte) >>> 0
    const high = next & 0xf000_0000
    return (next ^ (high >>> 24)) & ~high & 0xffff_ffff
  }, 0)
}

/** A slot of an imported function. */
export interface Import {
  readonly slot: bigint
  /** Number of its symbol. */
  readonly symbol: number
  /** Whether nothing but calls go through it: any other slot may be of a variable. */
  readonly jump: boolean
}

interface Shape {
  readonly architecture: string
  readonly width: 4 | 8
}

/** An entry of a dynamic section. */
export type DynamicEntry = readonly [tag: number, value: bigint]

/** A dynamic section, word by word; null where it is not in memory, or does not end. */
export function dynamicSection(
  words: (index: number, count: number) => readonly bigint[] | null,
): readonly DynamicEntry[] | null {
  const entries: DynamicEntry[] = []
  for (let index = 0; index < MOST_ENTRIES; index++) {
    const entry = words(index * 2, 2)
    if (entry === null) return null
    const [tag = 0n, value = 0n] = entry
    if (tag === 0n) return entries
    entries.push([Number(tag), value])
  }
  return null
}

/** As it is in the file: a loader may have added to its addresses where the object is loaded. */
export function unloaded(entries: readonly DynamicEntry[], base: bigint): readonly DynamicEntry[] {
  return entries.map(([tag, value]) => [tag, ADDRESSES.has(tag) && value >= base ? value - base : value])
}

/** The tables of one object. What is not in memory is not in them, and makes them incomplete. */
export class DynamicTables {
  readonly #object: ObjectBytes
  readonly #shape: Shape
  readonly #tags = new Map<number, bigint[]>()
  #imports: readonly Import[] | null = null
  readonly #names = new Map<number, string | null>()
  readonly #definitions = new Map<string, readonly Definition[] | null>()
  /** What was looked for and is not all in memory, or is more than is looked at. */
  readonly incomplete = { needed: false, imports: false }

  constructor(object: ObjectBytes, entries: readonly DynamicEntry[], shape: Shape) {
    this.#object = object
    this.#shape = shape
    for (const [tag, value] of entries) append(this.#tags, tag, value)
  }

  /** Names of the objects that this one needs. */
  get needed(): string[] {
    const names = (this.#tags.get(DT.needed) ?? []).map((at) => this.#string(at))
    if (names.includes(null)) this.incomplete.needed = true
    return names.filter((name) => name !== null)
  }

  /** What others need it by; null where it has no such name. */
  get soname(): string | null {
    const at = this.#tag(DT.soname)
    return at === null ? null : this.#string(at)
  }

  /**
   * Where it defines a function of a name, which may be in several versions; null where that is not in memory. Found as the
   * loader finds it: by the table of hashes.
   */
  definitions(name: string): readonly Definition[] | null {
    const known = this.#definitions.get(name)
    if (known !== undefined) return known
    const numbers = this.#named(name)
    const found = numbers?.map((number) => this.#definition(number)) ?? null
    const definitions = found?.includes(null) === false ? found.filter((one) => one !== null && one !== NONE) : null
    this.#definitions.set(name, definitions as readonly Definition[] | null)
    return definitions as readonly Definition[] | null
  }

  /** The slots of what it imports, in their tables' order. */
  get imports(): readonly Import[] {
    this.#imports ??= this.#readImports()
    return this.#imports
  }

  /** The name of an imported symbol. */
  nameOf(symbol: number): string | null {
    const known = this.#names.get(symbol)
    if (known !== undefined) return known
    const record = this.#symbol(symbol)
    const name = record === null ? null : this.#string(BigInt(record.getUint32(0, true)))
    this.#names.set(symbol, name)
    return name
  }

  /** NONE for what is no function, or is defined elsewhere; null where it is not in memory. */
  #definition(number: number): Definition | null {
    const record = this.#symbol(number)
    if (record === null) return null
    const wide = this.#shape.width === 8
    const kind = record.getUint8(wide ? 4 : 12) & 0xf
    const value = wide ? record.getBigUint64(8, true) : BigInt(record.getUint32(4, true))
    const isFunction = kind === NO_TYPE || kind === FUNCTION || kind === INDIRECT
    return value === 0n || !isFunction ? NONE : { value, indirect: kind === INDIRECT }
  }

  /** Numbers of the symbols of a name, of those that others may use; null where the tables are not in memory. */
  #named(name: string): number[] | null {
    const [gnu, old] = [this.#tag(DT.gnuHash), this.#tag(DT.hash)]
    const bytes = new TextEncoder().encode(name)
    const numbers =
      gnu !== null ? this.#hashed(gnu, gnuHash(bytes)) : old !== null ? this.#chained(old, sysvHash(bytes)) : []
    if (numbers === null) return null
    const names = numbers.map((number) => this.nameOf(number))
    return names.includes(null) ? null : numbers.filter((_, row) => names[row] === name)
  }

  /** GNU's table: a bucket leads to the first of a chain of hashes, of which the last bit says where it ends. */
  #hashed(table: bigint, hash: number): number[] | null {
    const head = this.#numbers(table, 3)
    if (head === null) return null
    const [buckets = 0, first = 0, filter = 0] = head
    if (buckets === 0) return []
    const start = table + 16n + BigInt(filter) * BigInt(this.#shape.width)
    const [bucket] = this.#numbers(start + BigInt(hash % buckets) * 4n, 1) ?? []
    if (bucket === undefined) return null
    const chains = start + BigInt(buckets) * 4n
    const found: number[] = []
    for (let number = bucket; number >= first && number - bucket < MOST_CHAINED && bucket !== 0; number++) {
      const [own] = this.#numbers(chains + BigInt(number - first) * 4n, 1) ?? []
      if (own === undefined) return null
      if (own >>> 1 === hash >>> 1) found.push(number)
      if ((own & 1) === 1) break
    }
    return found
  }

  /** The System V ABI's table: a bucket leads to a symbol, and each to the next of its chain. */
  #chained(table: bigint, hash: number): number[] | null {
    const [buckets] = this.#numbers(table, 2) ?? []
    if (buckets === undefined) return null
    const found: number[] = []
    for (let at = buckets === 0 ? null : 2 + (hash % buckets); at !== null && found.length < MOST_CHAINED; ) {
      const [number] = this.#numbers(table + BigInt(at) * 4n, 1) ?? []
      if (number === undefined) return null
      if (number === 0) break
      found.push(number)
      at = 2 + buckets + number
    }
    return found
  }

  #readImports(): readonly Import[] {
    const imports: Import[] = []
    const addends = this.#tag(DT.jumpsKind) === BigInt(DT.rela)
    const tables: [table: bigint | null, bytes: bigint | null, addends: boolean][] = [
      [this.#tag(DT.jumps), this.#tag(DT.jumpsBytes), addends],
      [this.#tag(DT.rela), this.#tag(DT.relaBytes), true],
      [this.#tag(DT.rel), this.#tag(DT.relBytes), false],
    ]
    for (const [table, bytes, addends] of tables) {
      if (table !== null && bytes !== null) this.#readSlots(table, bytes, addends, imports)
    }
    return imports
  }

  #readSlots(table: bigint, bytes: bigint, addends: boolean, imports: Import[]): void {
    const { architecture, width } = this.#shape
    const [jump, other] = SLOTS[architecture]?.[width] ?? []
    const words = addends ? 3 : 2
    const count = bytes / BigInt(words * width)
    if (count > MOST_SLOTS) this.incomplete.imports = true
    for (let index = 0; index < Math.min(Number(count), MOST_SLOTS); index++) {
      const record = this.#object.bytes(table + BigInt(index * words * width), 2 * width)
      if (record === null) {
        this.incomplete.imports = true
        continue
      }
      // Most of them are of no symbol, and there are many.
      const info = width === 8 ? null : record.getUint32(4, true)
      const kind = info === null ? record.getUint32(8, true) : info & 0xff
      const symbol = info === null ? record.getUint32(12, true) : info >>> 8
      if (symbol === 0 || (kind !== jump && kind !== other)) continue
      const slot = width === 8 ? record.getBigUint64(0, true) : BigInt(record.getUint32(0, true))
      imports.push({ slot, symbol, jump: kind === jump })
    }
  }

  #tag(tag: number): bigint | null {
    return this.#tags.get(tag)?.[0] ?? null
  }

  #symbol(index: number): DataView | null {
    const table = this.#tag(DT.symbols)
    const bytes = this.#shape.width === 8 ? 24 : 16
    return table === null ? null : this.#object.bytes(table + BigInt(index * bytes), bytes)
  }

  #string(at: bigint): string | null {
    const strings = this.#tag(DT.strings)
    return strings === null ? null : this.#object.text(strings + at)
  }

  /** Numbers of 32 bits. */
  #numbers(address: bigint, count: number): number[] | null {
    const view = this.#object.bytes(address, count * 4)
    return view === null ? null : Array.from({ length: count }, (_, index) => view.getUint32(index * 4, true))
  }
}
