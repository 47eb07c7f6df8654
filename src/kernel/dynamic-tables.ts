/**
 * What an ELF object has for the dynamic loader (elf(5), the System V gABI and its processor supplements): what it needs,
 * the functions that it defines, and the slots into which the loader writes where the functions are that it imports. Read
 * from its file, so that no process has a say in it; addresses are the object's own, before it is loaded anywhere.
 */

import { append } from '../append.js'
import { wordsOf } from './program-words.js'

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
/** Entries of a dynamic section, symbols, and slots of one object. */
const MOST_ENTRIES = 1024
const MOST_SYMBOLS = 1 << 18
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
  #functions: ReadonlyMap<string, readonly Definition[]> | null = null
  #imports: readonly Import[] | null = null
  readonly #names = new Map<number, string | null>()
  /** What was looked for and is not all in memory, or is more than is looked at. */
  readonly incomplete = { needed: false, functions: false, imports: false }

  constructor(object: ObjectBytes, entries: readonly DynamicEntry[], shape: Shape) {
    this.#object = object
    this.#shape = shape
    for (const [tag, value] of entries) append(this.#tags, tag, value)
  }

  /** Names of the objects that this one needs. */
  get needed(): string[] {
    return (this.#tags.get(DT.needed) ?? []).flatMap((at) => this.#string(at) ?? this.#lost('needed', []))
  }

  /** What others need it by; null where it has no such name. */
  get soname(): string | null {
    const at = this.#tag(DT.soname)
    return at === null ? null : this.#string(at)
  }

  /** The functions that it defines, by their names: each may be there in several versions. */
  get functions(): ReadonlyMap<string, readonly Definition[]> {
    this.#functions ??= this.#readFunctions()
    return this.#functions
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

  #readFunctions(): ReadonlyMap<string, readonly Definition[]> {
    const found = new Map<string, Definition[]>()
    const count = this.#countSymbols()
    if (count > MOST_SYMBOLS) this.incomplete.functions = true
    for (let index = 1; index < Math.min(count, MOST_SYMBOLS); index++) {
      const record = this.#symbol(index) ?? this.#lost('functions', null)
      if (record === null) continue
      const wide = this.#shape.width === 8
      const kind = record.getUint8(wide ? 4 : 12) & 0xf
      const value = wide ? record.getBigUint64(8, true) : BigInt(record.getUint32(4, true))
      if (value === 0n || (kind !== NO_TYPE && kind !== FUNCTION && kind !== INDIRECT)) continue
      const name = this.#string(BigInt(record.getUint32(0, true))) ?? this.#lost('functions', null)
      if (name === null) continue
      const definition = { value, indirect: kind === INDIRECT }
      const known = found.get(name)
      if (known === undefined) found.set(name, [definition])
      else known.push(definition)
    }
    return found
  }

  /** Nothing says how many there are but the tables by which they are found. */
  #countSymbols(): number {
    const [gnu, old] = [this.#tag(DT.gnuHash), this.#tag(DT.hash)]
    if (gnu !== null) return this.#countHashed(gnu) ?? this.#lost('functions', 0)
    if (old === null) return 0
    return this.#object.bytes(old, 8)?.getUint32(4, true) ?? this.#lost('functions', 0)
  }

  /** Of GNU's table: buckets lead to the first of each chain, and the last one's end is the last symbol. */
  #countHashed(address: bigint): number | null {
    const head = this.#object.bytes(address, 16)
    if (head === null) return null
    const [buckets, first, filter] = [0, 4, 8].map((at) => head.getUint32(at, true)) as [number, number, number]
    const start = address + 16n + BigInt(filter) * BigInt(this.#shape.width)
    let last = 0
    for (let index = 0; index < Math.min(buckets, MOST_SYMBOLS); index++) {
      const bucket = this.#object.bytes(start + BigInt(index * 4), 4)
      if (bucket === null) return null
      last = Math.max(last, bucket.getUint32(0, true))
    }
    if (last < first) return first
    const chains = start + BigInt(buckets) * 4n
    for (; last < MOST_SYMBOLS; last++) {
      const hash = this.#object.bytes(chains + BigInt(last - first) * 4n, 4)
      if (hash === null) return null
      if ((hash.getUint32(0, true) & 1) === 1) break
    }
    return last + 1
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
      const record = this.#words(table + BigInt(index * words * width), 2) ?? this.#lost('imports', null)
      if (record === null) continue
      const [slot = 0n, info = 0n] = record
      const kind = Number(width === 8 ? info & 0xffff_ffffn : info & 0xffn)
      const symbol = Number(width === 8 ? info >> 32n : info >> 8n)
      if (symbol !== 0 && (kind === jump || kind === other)) imports.push({ slot, symbol, jump: kind === jump })
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

  #words(address: bigint, count: number): bigint[] | null {
    const { width } = this.#shape
    const view = this.#object.bytes(address, count * width)
    return view === null ? null : wordsOf(view, width)
  }

  /** What stands for something that is not in memory. */
  #lost<T>(what: keyof DynamicTables['incomplete'], instead: T): T {
    this.incomplete[what] = true
    return instead
  }
}
