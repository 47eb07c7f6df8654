/** A process's own memory: what programs keep in it that no file holds. */

import type { Kernel } from './kernel.js'
import { MAPPINGS, OF_MEMORY } from './mappings.js'
import { type NativeFound, type NativeUserPart, native } from './native.js'
import type { Nested } from './query.js'
import { joined } from './stretches.js'

/** VM_WRITE (include/linux/mm.h). */
const VM_WRITE = 2
/** Mappings of one process that are looked at. */
const MOST_MAPPINGS = 1 << 17
/** Bytes read at a time. */
const PART = 1 << 20
/** The smallest page of any architecture: what lies in one of these is there or not as a whole. */
const PAGE = 4096
/** Pages searched beyond those of the image: many addresses may share one, but tables that lie lead to any number. */
const MORE_PAGES = 1 << 20

/** Where one of several things was found. */
export interface Place {
  readonly address: bigint
  /** Its number among what was asked for. */
  readonly which: number
}

/** Addresses from `start` to the one before `end`. */
export interface Range {
  readonly start: bigint
  readonly end: bigint
}

/**
 * Why there is nothing at an address: nothing is mapped there or it was never touched, its page was swapped out or is being
 * moved, its memory was left out of the dump, or the image does not have it.
 */
export type Lacking = 'absent' | 'swapped' | 'excluded' | 'unreadable'

/** By their numbers in the native core. */
const STATES: readonly ('present' | Lacking)[] = ['present', 'absent', 'swapped', 'excluded', 'unreadable']

/** A stretch of addresses, and what there is. */
export interface Stretch {
  readonly address: bigint
  readonly length: number
  readonly state: 'present' | Lacking
}

/** A stretch with its bytes, or with why there are none. */
export type MemoryPiece =
  | { readonly address: bigint; readonly length: number; readonly bytes: Uint8Array }
  | { readonly address: bigint; readonly length: number; readonly missing: Lacking }

/** Hears how many pages a search has looked at so far. */
export type Progress = (pages: number) => void

/** The memory of one process, through its own page tables. */
export class ProcessMemory {
  /** Its `struct mm_struct`. */
  readonly mm: bigint
  /** What is searched unless other ranges are given. */
  readonly ranges: readonly Range[]
  readonly #kernel: Kernel

  private constructor(kernel: Kernel, mm: bigint, ranges: readonly Range[]) {
    this.#kernel = kernel
    this.mm = mm
    this.ranges = ranges
  }

  /** All that a task has mapped; null for a kernel thread. */
  static of(kernel: Kernel, task: bigint): ProcessMemory | null {
    return mapped(kernel, task, () => true)
  }

  /** What of it is writable and has no file behind it: heaps and stacks. */
  static heapOf(kernel: Kernel, task: bigint): ProcessMemory | null {
    return mapped(kernel, task, (file, flags) => file === 0n && (flags & VM_WRITE) !== 0)
  }

  /** That of a `struct mm_struct`, of which these ranges are searched. */
  static at(kernel: Kernel, mm: bigint, ranges: readonly Range[]): ProcessMemory {
    return new ProcessMemory(kernel, mm, ranges)
  }

  /** What there is at some addresses, in order and without a gap, with at most 1 MiB of bytes at a time. */
  *read(address: bigint, length: number): Generator<MemoryPiece> {
    for (const part of this.#parts({ start: address, end: address + BigInt(length) }, PART)) {
      let from = 0
      for (const { address, length, state } of stretchesOf(part)) {
        if (state === 'present') {
          yield { address, length, bytes: part.bytes.subarray(from, from + length) }
          from += length
        } else yield { address, length, missing: state }
      }
    }
  }

  /** Up to 1 MiB, or null unless all of it is in memory. */
  readWhole(address: bigint, length: number): DataView | null {
    if (length > PART) return null
    const part = native.userPart(this.#kernel.id, this.mm, address, address + BigInt(length), Math.max(length, 1))
    const bytes = part?.bytes
    return bytes?.length === length ? new DataView(bytes.buffer, bytes.byteOffset, length) : null
  }

  /** Text in UTF-8 up to its NUL; null where that is not within `most` bytes, or some of it is not in memory. */
  text(address: bigint, most: number): string | null {
    return this.string(address, most)?.toString() ?? null
  }

  /** The same as the bytes that it has. */
  string(address: bigint, most: number): Uint8Array | null {
    const parts: Uint8Array[] = []
    for (let length = 0; length < most; ) {
      const at = address + BigInt(length)
      const part = this.readWhole(at, Math.min(PAGE - Number(at % BigInt(PAGE)), most - length))
      if (part === null) return null
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
      const end = bytes.indexOf(0)
      parts.push(end < 0 ? bytes : bytes.subarray(0, end))
      if (end >= 0) return Buffer.concat(parts)
      length += bytes.length
    }
    return null
  }

  /** What there is in a range, without its bytes. */
  pages(range: Range): Generator<Stretch> {
    return joined(this.#stretches(range))
  }

  *#stretches(range: Range): Generator<Stretch> {
    for (const part of this.#parts(range, 0)) yield* stretchesOf(part)
  }

  /**
   * Where any of some patterns stand, text in UTF-8 or bytes: each place as it is found, by ascending addresses within a
   * range. A pattern has 64 KiB at most, and is found where all of it is in memory and in one range.
   */
  find(
    patterns: readonly (string | Uint8Array)[],
    options: { ranges?: readonly Range[]; progress?: Progress } = {},
  ): Generator<Place> {
    const packed = patterns.map((pattern) =>
      typeof pattern === 'string' ? new TextEncoder().encode(pattern) : pattern,
    )
    return this.#search(packed.length, options, (ranges, from) =>
      native.findBytes(this.#kernel.id, this.mm, ranges, from, packed),
    )
  }

  /** Where any of some words lie, aligned as pointers are: pointers to something, for example. */
  findWords(
    words: readonly bigint[],
    options: { ranges?: readonly Range[]; progress?: Progress } = {},
  ): Generator<Place> {
    const packed = BigUint64Array.from(words)
    return this.#search(packed.length, options, (ranges, from) =>
      native.findWords(this.#kernel.id, this.mm, ranges, from, packed),
    )
  }

  *#search(
    count: number,
    { ranges = this.ranges, progress }: { ranges?: readonly Range[]; progress?: Progress },
    search: (ranges: BigUint64Array, from: bigint) => NativeFound | null,
  ): Generator<Place> {
    if (count === 0) return
    let left = BigUint64Array.from(ranges.flatMap(({ start, end }) => [start, end]))
    let [from, pages]: [bigint | undefined, number] = [0n, 0]
    while (from !== undefined) {
      const found: NativeFound | null = search(left, from)
      if (found === null) return this.#unreadable()
      for (const [index, address] of found.addresses.entries()) yield { address, which: found.which[index] ?? 0 }
      pages += found.pages
      progress?.(pages)
      left = left.subarray((found.range ?? 0) * 2)
      from = found.from ?? undefined
      if (from !== undefined && pages > this.#kernel.pages + MORE_PAGES) {
        this.#kernel.warn({ code: 'cap', message: "more of a process's memory than is searched", count: 1 })
        return
      }
    }
  }

  *#parts({ start, end }: Range, bytes: number): Generator<NativeUserPart> {
    let from: bigint | undefined = start
    while (from !== undefined && from < end) {
      const part: NativeUserPart | null = native.userPart(this.#kernel.id, this.mm, from, end, bytes)
      if (part === null) return this.#unreadable()
      yield part
      from = part.next ?? undefined
    }
  }

  #unreadable(): void {
    const address = `0x${this.mm.toString(16)}`
    this.#kernel.warn({ code: 'unreadable', message: "a process's page tables could not be read", count: 1, address })
  }
}

function mapped(kernel: Kernel, task: bigint, wanted: (file: bigint, flags: number) => boolean): ProcessMemory | null {
  const mappings: Nested = {
    walk: MAPPINGS,
    rules: [OF_MEMORY],
    select: { start: 'vm_start', end: 'vm_end', file: 'vm_file', flags: 'vm_flags' },
  }
  const batch = kernel.at([task], 'struct task_struct').select({ mm: 'mm' }, { mappings })
  const mm = batch.column('mm').bigint(0)
  if (!mm) return null
  const found = batch.child('mappings')
  const count = kernel.capped('mappings', found.length, MOST_MAPPINGS)
  const ranges = Array.from({ length: count }, (_, row) => {
    const [start, end] = [found.column('start').bigint(row), found.column('end').bigint(row)]
    const [file, flags] = [found.column('file').bigint(row), found.column('flags').bigint(row)]
    if (start === null || end === null || file === null || flags === null) return []
    return wanted(file, Number(BigInt.asUintN(32, flags))) ? [{ start, end }] : []
  })
  return ProcessMemory.at(kernel, mm, ranges.flat())
}

function* stretchesOf({ pieces, states }: NativeUserPart): Generator<Stretch> {
  for (const [index, state] of states.entries()) {
    const [address = 0n, length = 0n] = pieces.subarray(index * 2, index * 2 + 2)
    yield { address, length: Number(length), state: STATES[state] ?? 'unreadable' }
  }
}
