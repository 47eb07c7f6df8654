/**
 * What a process's dynamic loader keeps of what it has loaded: `struct r_debug` and its `struct link_map`s, which are
 * there for debuggers (glibc's elf/link.h, musl's include/link.h).
 */

import type { Kernel } from './kernel.js'
import type { Mapping } from './mappings.js'
import { TASK_STRUCT } from './objects.js'
import { fromFiles, ProgramWords, type Untouched, wordsOf } from './program-words.js'
import { bytes } from './query.js'
import { ProcessMemory } from './user-memory.js'

/** Of the auxiliary vector (include/uapi/linux/auxvec.h). */
const AT_PHDR = 3
const AT_PHENT = 4
const AT_PHNUM = 5
/** Of program headers and of the dynamic section (include/uapi/linux/elf.h). */
const PT_DYNAMIC = 2
const PT_PHDR = 6
const DT_DEBUG = 21
/** Bytes of a program header by the width of a word. */
const HEADER_BYTES = { 8: 56, 4: 32 } as const
/** Program headers, entries of a dynamic section, lists (one of each dlmopen() namespace) and what is on them. */
const MOST_HEADERS = 256
const MOST_ENTRIES = 1024
const MOST_LISTS = 64
const MOST_LOADED = 8192
/** From this version on a `struct r_debug` leads to the next one. */
const EXTENDED = 2

/** A `struct link_map`. */
export interface LinkMap {
  /** What is added to the addresses that its file has: `l_addr`. */
  base: bigint
  /** Where its dynamic section lies, which is within its mappings. */
  dynamic: bigint
  /** Empty for the program itself. */
  name: string | null
}

/**
 * What a loader has loaded. `none`: there is no loader, as in a static program. `absent`: what leads to the list is not in
 * memory. `torn`: it does not come to its end.
 */
export interface Loaded {
  state: 'read' | 'none' | 'absent' | 'torn'
  maps: LinkMap[]
  /** What the list was read from; null where there is no loader. */
  words: ProgramWords | null
}

const NONE: Loaded = { state: 'none', maps: [], words: null }

/** What the loaders of some tasks have loaded, in their order; null for what has no memory of its own. */
export function readLoaded(
  kernel: Kernel,
  tasks: readonly bigint[],
  mappings: ReadonlyMap<bigint, readonly Mapping[]>,
): (Loaded | null)[] {
  const batch = kernel.at(tasks, TASK_STRUCT).select({ mm: 'mm', auxv: bytes('mm->saved_auxv') })
  return Array.from({ length: batch.length }, (_, row): Loaded | null => {
    const [mm, auxv] = [batch.column('mm').bigint(row), batch.column('auxv').bytes(row)]
    if (!mm || auxv === null) return null
    const untouched = fromFiles(kernel, mappings.get(batch.address(row)) ?? [])
    const vector = new DataView(auxv.buffer, auxv.byteOffset, auxv.byteLength)
    return loadedOf(ProcessMemory.at(kernel, mm, []), untouched, vector)
  })
}

function loadedOf(memory: ProcessMemory, untouched: Untouched, auxv: DataView): Loaded {
  for (const width of [8, 4] as const) {
    const words = wordsOf(auxv, width)
    const value = (tag: number) => words[words.findIndex((word, at) => at % 2 === 0 && word === BigInt(tag)) + 1]
    const [headers, count] = [value(AT_PHDR), value(AT_PHNUM)]
    // A 64-bit kernel keeps the vector of a 32-bit process in words of 32 bits.
    if (headers === undefined || count === undefined || value(AT_PHENT) !== BigInt(HEADER_BYTES[width])) continue
    return fromHeaders(new ProgramWords(memory, untouched, width), headers, Math.min(Number(count), MOST_HEADERS))
  }
  return NONE
}

/** Program headers lead to the dynamic section, and that to what the loader left there for debuggers. */
function fromHeaders(words: ProgramWords, address: bigint, count: number): Loaded {
  const perHeader = HEADER_BYTES[words.width] / words.width
  const table = words.read(address, count * perHeader)
  if (table === null) return { state: 'absent', maps: [], words }
  // The address is the second of its addresses in either layout; the type is half a word in the wider one.
  const headers = Array.from({ length: count }, (_, index) => ({
    type: Number(BigInt.asUintN(32, table[index * perHeader] ?? 0n)),
    address: table[index * perHeader + 2] ?? 0n,
  }))
  const dynamic = headers.find(({ type }) => type === PT_DYNAMIC)
  if (dynamic === undefined) return NONE
  const own = headers.find(({ type }) => type === PT_PHDR)
  const shift = own === undefined ? 0n : address - own.address
  const debug = debugOf(words, BigInt.asUintN(64, dynamic.address + shift))
  if (debug === null) return { state: 'absent', maps: [], words }
  return debug === 0n ? NONE : listsOf(words, debug)
}

/** Where the `struct r_debug` is; 0 where the section names none, null where it cannot be read. */
function debugOf(words: ProgramWords, dynamic: bigint): bigint | null {
  for (let index = 0; index < MOST_ENTRIES; index++) {
    const entry = words.read(dynamic + BigInt(index * 2 * words.width), 2)
    if (entry === null) return null
    const [tag = 0n, value = 0n] = entry
    if (tag === BigInt(DT_DEBUG)) return value
    if (tag === 0n) return 0n
  }
  return null
}

/** What is on the lists of a `struct r_debug` and of those that it leads to: version, list, break, state, base, next. */
function listsOf(words: ProgramWords, first: bigint): Loaded {
  const maps: LinkMap[] = []
  const seen = new Set<bigint>()
  let state: Loaded['state'] = 'read'
  for (let debug = first; debug !== 0n && seen.size < MOST_LISTS; ) {
    const head = words.read(debug, 2)
    const version = Number(BigInt.asUintN(32, head?.[0] ?? 0n))
    const next = version >= EXTENDED ? words.read(debug + BigInt(5 * words.width), 1)?.[0] : 0n
    if (head === null || next === undefined || seen.has(debug)) return { state: 'torn', maps, words }
    seen.add(debug)
    if (!appendMaps(words, head[1] ?? 0n, maps)) state = 'torn'
    debug = next
  }
  return { state, maps, words }
}

/** Appends what is on a list of `struct link_map`s; false where it does not come to its end. */
function appendMaps(words: ProgramWords, first: bigint, maps: LinkMap[]): boolean {
  const seen = new Set<bigint>()
  for (let map = first; map !== 0n; ) {
    const members = words.read(map, 4)
    if (members === null || seen.has(map) || maps.length >= MOST_LOADED) return false
    seen.add(map)
    const [base = 0n, name = 0n, dynamic = 0n, next = 0n] = members
    maps.push({ base, dynamic, name: name === 0n ? '' : words.text(name) })
    map = next
  }
  return true
}
