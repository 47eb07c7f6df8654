/** The ELF objects that a process's loader has loaded, with where each lies and what its file has for the loader. */

import { append } from '../append.js'
import { type DynamicEntry, DynamicTables, dynamicSection, type ObjectBytes, unloaded } from './dynamic-tables.js'
import { FilePages, Windows } from './file-pages.js'
import type { Kernel } from './kernel.js'
import { fileKey, VDSO } from './libraries.js'
import type { LinkMap, Loaded } from './loader.js'
import { type Mapping, mappingAt, VMA } from './mappings.js'
import { type ProgramWords, wordsOf } from './program-words.js'

/** An object on a loader's list. */
export interface LoadedObject {
  /** Its place in the loader's order, in which functions are looked for. */
  readonly order: number
  /** What is added to its own addresses. */
  readonly base: bigint
  readonly path: string | null
  /** What its loader calls it: empty for the program itself. */
  readonly name: string | null
  /** Null where its dynamic section is not in memory. */
  readonly tables: DynamicTables | null
}

/** Those of one process. */
export interface LoadedObjects {
  /** By the file that each is mapped from. */
  readonly files: ReadonlyMap<string, readonly LoadedObject[]>
  /** Whether all that the loader lists is among them, but for the page that the kernel lends. */
  readonly whole: boolean
}

/** Where a part of a file lies, by the object's own addresses. */
interface Segment {
  readonly start: bigint
  readonly end: bigint
  readonly offset: bigint
}

/** Reads objects, each file once: processes share what their files have in memory. */
export class ObjectReader {
  readonly #kernel: Kernel
  readonly #tables = new Map<string, DynamicTables>()
  readonly #pages = new Map<bigint, FilePages | null>()
  readonly #windows = new Windows()

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** Those of one process that lie in its mappings. */
  read({ state, maps, words }: Loaded, mappings: readonly Mapping[]): LoadedObjects {
    const found = new Map<string, LoadedObject[]>()
    if (words === null) return { files: found, whole: false }
    let whole = state === 'read'
    const files = this.#filesOf(mappings)
    for (const [order, map] of maps.entries()) {
      const { base, name } = map
      const mapping = mappingAt(mappings, map.dynamic)
      const key = mapping?.inode == null ? null : fileKey(mapping)
      const file = key === null ? undefined : files.get(key)
      if (mapping?.path === VDSO) continue
      if (mapping === undefined || key === null || file === undefined) {
        whole = false
        continue
      }
      const segments = file.mappings.map((mapping) => segmentOf(mapping, base))
      const tables = this.#tablesOf(file.host, segments, map, words)
      append(found, key, { order, base, path: mapping.path, name, tables })
    }
    return { files: found, whole }
  }

  /** The section is taken from the file where its pages are, which no process can change; else from the process. */
  #tablesOf(host: bigint, segments: readonly Segment[], { base, dynamic }: LinkMap, words: ProgramWords) {
    const pages = this.#pagesOf(host)
    if (pages === null) return null
    const { width } = words
    const object = objectBytes(pages, segments)
    const entries =
      dynamicSection((index, count) => {
        const view = object.bytes(dynamic - base + BigInt(index * width), count * width)
        return view === null ? null : wordsOf(view, width)
      }) ?? dynamicSection((index, count) => words.read(dynamic + BigInt(index * width), count))
    return entries === null ? null : this.#known(host, object, segments, unloaded(entries, base), width)
  }

  /** One for all processes that have a file mapped alike and the same section: whoever has another makes none see it. */
  #known(
    host: bigint,
    object: ObjectBytes,
    segments: readonly Segment[],
    entries: readonly DynamicEntry[],
    width: 4 | 8,
  ): DynamicTables {
    const parts = segments.map(({ start, end, offset }) => `${start}-${end}@${offset}`)
    const key = [host, width, ...parts, ...entries.flat()].join(' ')
    const known = this.#tables.get(key)
    if (known !== undefined) return known
    const { architecture } = this.#kernel.info
    const tables = new DynamicTables(object, entries, { architecture, width })
    this.#tables.set(key, tables)
    return tables
  }

  #pagesOf(host: bigint): FilePages | null {
    const known = this.#pages.get(host)
    if (known !== undefined) return known
    const contents = this.#kernel.fileContents(host)
    const pages = contents === null ? null : new FilePages(contents, this.#windows)
    this.#pages.set(host, pages)
    return pages
  }

  /** Mapped files with all of their mappings, and the inode that has their pages: of overlayfs that of the layer. */
  #filesOf(mappings: readonly Mapping[]): Map<string, { host: bigint; mappings: Mapping[] }> {
    const ofFiles = mappings.filter(({ inode }) => inode !== null)
    const areas = ofFiles.map(({ address }) => address)
    const hosts = this.#kernel.at(areas, VMA).select({ host: 'vm_file->f_mapping->host' }).column('host')
    const files = new Map<string, { host: bigint; mappings: Mapping[] }>()
    for (const [row, mapping] of ofFiles.entries()) {
      const key = fileKey(mapping)
      const host = hosts.bigint(row)
      const known = files.get(key)
      if (known !== undefined) known.mappings.push(mapping)
      else if (host !== null && host !== 0n) files.set(key, { host, mappings: [mapping] })
    }
    return files
  }
}

function segmentOf({ start, end, offset }: Mapping, base: bigint): Segment {
  return { start: (start ?? 0n) - base, end: (end ?? 0n) - base, offset: offset ?? 0n }
}

/** A file's bytes by the addresses of what is loaded of it. */
function objectBytes(pages: FilePages, segments: readonly Segment[]): ObjectBytes {
  const offsetOf = (address: bigint) => {
    const segment = segments.find(({ start, end }) => address >= start && address < end)
    return segment === undefined ? null : Number(segment.offset + address - segment.start)
  }
  return {
    bytes: (address, length) => {
      const offset = offsetOf(address)
      return offset === null ? null : pages.bytes(offset, length)
    },
    text: (address) => {
      const offset = offsetOf(address)
      return offset === null ? null : pages.text(offset)
    },
  }
}
