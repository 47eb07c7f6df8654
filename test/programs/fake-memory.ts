/** Memory of a program that is none: one stretch for a heap, one for its variables. */

import type { Memory, Program } from '../../dist/src/programs/memory.js'

export const HEAP = 0x5555_0000_0000n
export const VARIABLES = 0x5554_0000_0000n

type Options = { ranges: readonly { start: bigint; end: bigint }[] }

export class FakeMemory implements Memory {
  readonly #areas = new Map([
    [HEAP, Buffer.alloc(1 << 20)],
    [VARIABLES, Buffer.alloc(1 << 12)],
  ])
  #free = HEAP + 16n

  /** A chunk of the heap with these bytes. */
  add(bytes: Uint8Array): bigint {
    const at = this.#free
    this.put(at, bytes)
    this.#free += BigInt(((bytes.length + 15) & ~15) + 16)
    return at
  }

  write(text: string | Uint8Array): bigint {
    return this.add(Buffer.concat([typeof text === 'string' ? Buffer.from(text) : text, Buffer.from([0])]))
  }

  words(...words: bigint[]): bigint {
    const bytes = Buffer.alloc(words.length * 8)
    words.forEach((word, index) => void bytes.writeBigUInt64LE(word, index * 8))
    return this.add(bytes)
  }

  put(address: bigint, bytes: Uint8Array): void {
    const [area, at] = this.#at(address)
    area?.set(bytes, at)
  }

  putWord(address: bigint, word: bigint): void {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(word)
    this.put(address, bytes)
  }

  program(shell = true): Program {
    const heap = [{ start: HEAP, end: HEAP + (1n << 20n) }]
    const variables = [{ start: VARIABLES, end: VARIABLES + (1n << 12n) }]
    return { memory: this, shell, searched: heap, anonymous: heap, variables }
  }

  #at(address: bigint): [Buffer | undefined, number] {
    for (const [start, bytes] of this.#areas) {
      if (address >= start && address < start + BigInt(bytes.length)) return [bytes, Number(address - start)]
    }
    return [undefined, 0]
  }

  *find(patterns: readonly string[], { ranges }: Options): Generator<{ address: bigint; which: number }> {
    for (const { start } of ranges) {
      const bytes = this.#areas.get(start) ?? Buffer.alloc(0)
      for (const [which, pattern] of patterns.entries()) {
        for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + 1)) {
          yield { address: start + BigInt(at), which }
        }
      }
    }
  }

  *findWords(words: readonly bigint[], { ranges }: Options): Generator<{ address: bigint; which: number }> {
    for (const { start } of ranges) {
      const bytes = this.#areas.get(start) ?? Buffer.alloc(0)
      for (let at = 0; at < bytes.length; at += 8) {
        const which = words.indexOf(bytes.readBigUInt64LE(at))
        if (which >= 0) yield { address: start + BigInt(at), which }
      }
    }
  }

  *read(address: bigint, length: number) {
    const [area, at] = this.#at(address)
    if (area !== undefined) yield { address, length, bytes: area.subarray(at, at + length) }
  }

  readWhole(address: bigint, length: number): DataView | null {
    const [area, at] = this.#at(address)
    if (area === undefined || at + length > area.length) return null
    return new DataView(area.buffer, area.byteOffset + at, length)
  }

  text(address: bigint, most: number): string | null {
    return this.string(address, most)?.toString() ?? null
  }

  string(address: bigint, most: number): Buffer | null {
    const [area, at] = this.#at(address)
    const end = area?.indexOf(0, at) ?? -1
    return area === undefined || end < 0 || end - at >= most ? null : area.subarray(at, end)
  }
}
