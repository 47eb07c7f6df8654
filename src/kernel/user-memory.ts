/** A process's own memory: what programs keep in it that no file holds. */

import type { Kernel } from './kernel.js'
import { MAPPINGS } from './mappings.js'
import { native } from './native.js'
import type { Nested } from './query.js'

/** VM_WRITE (include/linux/mm.h). */
const VM_WRITE = 2
/** Mappings of one process that are looked at. */
const MOST_MAPPINGS = 1 << 17

/** Where one of several things was found. */
export interface Place {
  address: bigint
  which: number
}

/** The writable memory of one process that no file is behind: heaps and stacks. */
export class UserMemory {
  readonly #kernel: Kernel
  readonly #mm: bigint
  /** Flat pairs of first address and end. */
  readonly #ranges: BigUint64Array

  private constructor(kernel: Kernel, mm: bigint, ranges: BigUint64Array) {
    this.#kernel = kernel
    this.#mm = mm
    this.#ranges = ranges
  }

  /** That of a task; null for a kernel thread. */
  static of(kernel: Kernel, task: bigint): UserMemory | null {
    const mappings: Nested = {
      walk: MAPPINGS,
      select: { start: 'vm_start', end: 'vm_end', file: 'vm_file', flags: 'vm_flags' },
    }
    const batch = kernel.at([task], 'struct task_struct').select({ mm: 'mm' }, { mappings })
    const mm = batch.column('mm').bigint(0)
    if (!mm) return null
    const found = batch.child('mappings')
    const count = kernel.capped('mappings', found.length, MOST_MAPPINGS)
    const ranges = Array.from({ length: count }, (_, row) => {
      const [start, end] = [found.column('start').bigint(row), found.column('end').bigint(row)]
      const isHeap =
        found.column('file').bigint(row) === 0n && (Number(found.column('flags').bigint(row)) & VM_WRITE) !== 0
      return isHeap && start !== null && end !== null ? [start, end] : []
    })
    return new UserMemory(kernel, mm, BigUint64Array.from(ranges.flat()))
  }

  /** Where any of some texts stand. */
  findText(needles: readonly string[]): Place[] {
    return needles.length === 0
      ? []
      : this.#places(native.findText(this.#kernel.id, this.#mm, this.#ranges, [...needles]))
  }

  /** Where any of some words lie: pointers to something, for example. */
  findWords(words: readonly bigint[]): Place[] {
    const packed = BigUint64Array.from(words)
    return words.length === 0 ? [] : this.#places(native.findWords(this.#kernel.id, this.#mm, this.#ranges, packed))
  }

  /** Bytes, or null unless all of them are in memory. */
  read(address: bigint, length: number): DataView | null {
    const bytes = native.readUser(this.#kernel.id, this.#mm, address, length)
    return bytes?.length === length ? new DataView(bytes.buffer, bytes.byteOffset, length) : null
  }

  #places(found: ReturnType<typeof native.findText>): Place[] {
    if (found?.capped) this.#kernel.warn({ code: 'cap', message: "more of a process's memory than is searched" })
    return Array.from(found?.addresses ?? [], (address, index) => ({ address, which: found?.which[index] ?? 0 }))
  }
}
