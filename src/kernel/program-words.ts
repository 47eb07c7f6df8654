/** A process's memory as its own programs see it: in words of their width, and with the files' pages that it never touched. */

import type { Kernel } from './kernel.js'
import { type Mapping, mappingAt, VMA } from './mappings.js'
import type { ProcessMemory } from './user-memory.js'

/** PATH_MAX (include/uapi/linux/limits.h). */
const LONGEST_NAME = 4096

/** What lies at addresses that a process has not touched itself, though the file that is mapped there may be in memory. */
export type Untouched = (address: bigint, length: number) => DataView | null

/** Memory of a process in words of its programs' width. */
export class ProgramWords {
  readonly memory: ProcessMemory
  readonly #untouched: Untouched
  readonly width: 4 | 8

  constructor(memory: ProcessMemory, untouched: Untouched, width: 4 | 8) {
    this.memory = memory
    this.#untouched = untouched
    this.width = width
  }

  /** So many words, or null unless all are in memory. */
  read(address: bigint, count: number): bigint[] | null {
    const length = count * this.width
    const view = this.memory.readWhole(address, length) ?? this.#untouched(address, length)
    return view === null ? null : wordsOf(view, this.width)
  }

  text(address: bigint): string | null {
    return this.memory.text(address, LONGEST_NAME)
  }
}

/** The words in some bytes, of one width and little-endian. */
export function wordsOf(view: DataView, width: 4 | 8): bigint[] {
  return Array.from({ length: Math.floor(view.byteLength / width) }, (_, index) =>
    width === 8 ? view.getBigUint64(index * 8, true) : BigInt(view.getUint32(index * 4, true)),
  )
}

/** A child that was forked has no pages of files until it touches them: they are in the page cache. */
export function fromFiles(kernel: Kernel, mappings: readonly Mapping[]): Untouched {
  return (address, length) => {
    const mapping = mappingAt(mappings, address)
    if (mapping?.offset == null || mapping.start === null) return null
    const batch = kernel.at([mapping.address], VMA).select({ inode: 'vm_file->f_mapping->host' })
    const inode = batch.column('inode').bigint(0)
    const offset = Number(mapping.offset + address - mapping.start)
    const bytes = inode ? kernel.fileContents(inode)?.readWhole(offset, length) : null
    return bytes == null ? null : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}
