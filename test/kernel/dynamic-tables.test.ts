/** What an object has for the dynamic loader, of a small one that is written here, whole, with gaps, and with lies. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type DynamicEntry,
  DynamicTables,
  dynamicSection,
  type ObjectBytes,
  unloaded,
} from '../../dist/src/kernel/dynamic-tables.js'

const SHAPE = { architecture: 'x86_64', width: 8 } as const
const [DYNAMIC, SYMBOLS, STRINGS, HASH, JUMPS, OTHERS] = [0x100, 0x300, 0x400, 0x500, 0x600, 0x700]
const NAMES = ['', 'puts', 'environ', 'time', 'helper', 'libc.so.6', 'libhelper.so.1']
const FUNCTION = 2
const INDIRECT = 10

const stringAt = (name: string) => {
  const at = NAMES.indexOf(name)
  return NAMES.slice(0, at).join('\0').length + (at === 0 ? 0 : 1)
}

/** As the loader of glibc computes it. */
const gnuHash = (name: string) => [...Buffer.from(name)].reduce((hash, byte) => (hash * 33 + byte) % 2 ** 32, 5381)

/** An object that imports `puts` and `environ` and defines `time`, which says itself where it is, and `helper`. */
function written(): Buffer {
  const object = Buffer.alloc(0x800)
  const words = (at: number, values: readonly number[]) =>
    values.forEach((value, index) => {
      object.writeBigUInt64LE(BigInt(value), at + index * 8)
    })
  words(DYNAMIC, [
    ...[1, stringAt('libc.so.6'), 14, stringAt('libhelper.so.1'), 5, STRINGS, 6, SYMBOLS, 0x6ffffef5, HASH],
    ...[23, JUMPS, 2, 24, 20, 7, 7, OTHERS, 8, 48, 0, 0],
  ])
  object.write(NAMES.join('\0'), STRINGS)
  const symbol = (index: number, name: string, kind: number, value: number) => {
    const at = SYMBOLS + index * 24
    object.writeUInt32LE(stringAt(name), at)
    object.writeUInt8(0x10 | kind, at + 4)
    object.writeBigUInt64LE(BigInt(value), at + 8)
  }
  symbol(1, 'puts', FUNCTION, 0)
  symbol(2, 'environ', 1, 0)
  symbol(3, 'time', INDIRECT, 0x1000)
  symbol(4, 'helper', FUNCTION, 0x1040)
  // One bucket and one word of a filter; hashes of what is defined, of which the last ends its chain.
  const hashes = [gnuHash('time') & ~1, gnuHash('helper') | 1].map((hash) => hash >>> 0)
  for (const [index, value] of [1, 3, 1, 0, 0, 0, 3, ...hashes].entries()) object.writeUInt32LE(value, HASH + index * 4)
  // R_X86_64_JUMP_SLOT of puts; R_X86_64_GLOB_DAT of environ and a relocation that is of no symbol.
  words(JUMPS, [0x3000, 2 ** 32 + 7, 0])
  words(OTHERS, [0x3010, 2 * 2 ** 32 + 6, 0, 0x3018, 8, 0x1000])
  return object
}

function objectOf(bytes: Buffer, isMissing: (at: number) => boolean = () => false): ObjectBytes {
  const view = (address: bigint, length: number) => {
    const at = Number(address)
    const there = address >= 0n && at + length <= bytes.length && !isMissing(at)
    return there ? new DataView(bytes.buffer, bytes.byteOffset + at, length) : null
  }
  return {
    bytes: view,
    text: (address) => {
      const end = view(address, 1) === null ? -1 : bytes.indexOf(0, Number(address))
      return end < 0 ? null : bytes.toString('utf8', Number(address), end)
    },
  }
}

const read = (object: ObjectBytes) => {
  const entries = dynamicSection((index, count) => {
    const view = object.bytes(BigInt(DYNAMIC + index * 8), count * 8)
    return view === null ? null : Array.from({ length: count }, (_, at) => view.getBigUint64(at * 8, true))
  })
  return entries === null ? null : new DynamicTables(object, entries, SHAPE)
}

describe('tables for the dynamic loader', () => {
  it('say what is imported, defined and needed', () => {
    const tables = read(objectOf(written()))
    expect(tables?.needed).toEqual(['libc.so.6'])
    expect(tables?.soname).toBe('libhelper.so.1')
    expect(tables?.imports).toEqual([
      { slot: 0x3000n, symbol: 1, jump: true },
      { slot: 0x3010n, symbol: 2, jump: false },
    ])
    expect(tables?.imports.map(({ symbol }) => tables.nameOf(symbol))).toEqual(['puts', 'environ'])
    expect(tables?.definitions('time')).toEqual([{ value: 0x1000n, indirect: true }])
    expect(tables?.definitions('helper')).toEqual([{ value: 0x1040n, indirect: false }])
    expect(tables?.definitions('puts')).toEqual([])
    expect(tables?.definitions('no_such')).toEqual([])
    expect(tables?.incomplete).toEqual({ needed: false, imports: false })
  })

  it('are found by the older table of hashes as well', () => {
    const object = written()
    object.writeBigUInt64LE(4n, DYNAMIC + 8 * 8)
    // One bucket and five symbols; a chain through all that are defined.
    for (const [index, value] of [1, 5, 4, 0, 0, 0, 0, 3].entries()) object.writeUInt32LE(value, HASH + index * 4)
    const tables = read(objectOf(object))
    expect(tables?.definitions('time')).toEqual([{ value: 0x1000n, indirect: true }])
    expect(tables?.definitions('helper')).toEqual([{ value: 0x1040n, indirect: false }])
    expect(tables?.definitions('puts')).toEqual([])
  })

  it.each([
    ['symbols', SYMBOLS, { needed: false, imports: false }, null],
    ['the table by which they are found', HASH, { needed: false, imports: false }, null],
    ['slots', JUMPS, { needed: false, imports: true }, 1],
    ['names', STRINGS, { needed: true, imports: false }, null],
  ])('say so where %s are not in memory', (_, start, incomplete, definitions) => {
    const tables = read(objectOf(written(), (at) => at >= start && at < start + 0x100))
    expect([tables?.needed, tables?.imports]).not.toContain(undefined)
    expect(tables?.definitions('helper')?.length ?? null).toBe(definitions)
    expect(tables?.incomplete).toEqual(incomplete)
  })

  it('are none without the section, or where that does not end', () => {
    expect(read(objectOf(written(), (at) => at >= DYNAMIC && at < SYMBOLS))).toBeNull()
    expect(read(objectOf(Buffer.alloc(1 << 16, 1)))).toBeNull()
  })

  it('are the same where a loader wrote into the section where the object is loaded', () => {
    const section: DynamicEntry[] = [
      [1, 0x7n],
      [5, 0x7f00_0000_0400n],
      [2, 0x7f00_0000_0000n],
      [23, 0x600n],
    ]
    const before = section.with(1, [5, 0x400n])
    expect(unloaded(section, 0x7f00_0000_0000n)).toEqual(before)
  })

  it('end and throw nothing, whatever is written in them', () => {
    const change = fc.tuple(fc.integer({ min: DYNAMIC, max: 0x7f8 }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const object = written()
        for (const [at, value] of changes) object.writeBigUInt64LE(value, at)
        const tables = read(objectOf(object))
        for (const { symbol } of tables?.imports ?? []) tables?.nameOf(symbol)
        expect(tables?.definitions('helper')?.length ?? 0).toBeLessThan(1 << 13)
        expect(Array.isArray(tables?.needed ?? [])).toBe(true)
      }),
    )
  })
})
