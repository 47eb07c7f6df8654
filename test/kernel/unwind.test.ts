/** Kernel stacks made by hand: the three numberings of ORC, frame pointers, and what is no stack. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OrcTable } from '../../dist/src/kernel/orc.js'
import { type Code, candidates, unwindByFramePointer, unwindByOrc } from '../../dist/src/kernel/unwind.js'

const TEXT = 0xffff_ffff_8100_0000n
const TABLE = 0xffff_ffff_8200_0000n
const STACK = 0xffff_c900_0000_1000n

/** Each function has 256 bytes. */
const functionAt = (index: number) => TEXT + BigInt(index) * 256n

interface Numbers {
  sp: number
  bp: number
  prev: number
  call: number
  regs: number
  end: number
}

/** Of 4.14, of 6.4 and of 7.1: what the flags of a call, of pushed registers and of a stack's end are. */
const NUMBERINGS: Record<string, Numbers> = {
  'before 6.4': { sp: 5, bp: 4, prev: 1, call: 0, regs: 1 << 8, end: 1 << 10 },
  'from 6.4 on': { sp: 5, bp: 4, prev: 1, call: 2 << 8, regs: 3 << 8, end: 1 << 8 },
  'from 7.1 on': { sp: 3, bp: 4, prev: 8, call: 2 << 8, regs: 3 << 8, end: 1 << 8 },
}

/** Functions: 0 calls with 24 bytes of its own, 1 keeps a frame pointer, 2 is where a stack begins, 3 was interrupted. */
function table({ sp, bp, prev, call, regs, end }: Numbers): OrcTable {
  const entries: [offset: number, bpOffset: number, flags: number][] = [
    [32, 0, sp | call],
    [16, -16, bp | (prev << 4) | call],
    [0, 0, end],
    [8, 0, sp | regs],
    ...Array.from({ length: 9 }, (): [number, number, number] => [8, 0, sp | call]),
  ]
  const ips = Buffer.alloc(entries.length * 4)
  const packed = Buffer.alloc(entries.length * 6)
  for (const [index, [offset, bpOffset, flags]] of entries.entries()) {
    ips.writeInt32LE(Number(functionAt(index) - (TABLE + BigInt(index * 4))), index * 4)
    packed.writeInt16LE(offset, index * 6)
    packed.writeInt16LE(bpOffset, index * 6 + 2)
    packed.writeUInt16LE(flags, index * 6 + 4)
  }
  return OrcTable.own(TABLE, view(ips), view(packed))
}

const view = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function stackOf(...words: bigint[]) {
  const bytes = Buffer.alloc(words.length * 8)
  words.forEach((word, index) => void bytes.writeBigUInt64LE(word, index * 8))
  return { start: STACK, bytes: view(bytes) }
}

function codeOf(orc: OrcTable | null): Code {
  return {
    orc: (instruction) => orc?.find(instruction) ?? null,
    isText: (address) => address >= TEXT && address < functionAt(13),
    returnAddress: (word) => word,
  }
}

const at = (index: number) => STACK + BigInt(index * 8)
const inside = (index: number) => functionAt(index) + 0x20n

describe.each(Object.entries(NUMBERINGS))('registers as they are numbered %s', (_, numbers) => {
  const code = codeOf(table(numbers))

  it('lead from frame to frame to where the stack begins', () => {
    const stack = stackOf(0n, 0n, 0n, inside(1), 0x77n, at(7), inside(2), at(9), inside(2))
    const { frames, whole } = unwindByOrc(stack, { ip: inside(0), sp: at(0), bp: at(7) }, code)
    expect(frames.map(({ address }) => address)).toEqual([inside(0), inside(1), inside(2)])
    expect(frames.every(({ found, interrupted }) => found === 'orc' && !interrupted)).toBe(true)
    expect(whole).toBe(true)
  })

  it('end at what came from user mode', () => {
    // `ip` is the 17th word of pt_regs and `cs` the one behind it.
    const stack = stackOf(0n, ...Array.from({ length: 16 }, () => 0n), 0x40_1000n, 0x33n, 0n, 0x7ffe_0000n, 0x2bn)
    const { frames, whole } = unwindByOrc(stack, { ip: inside(3), sp: at(0), bp: 0n }, code)
    expect(frames.map(({ address }) => address)).toEqual([inside(3)])
    expect(whole).toBe(true)
  })

  it('go on in what was interrupted', () => {
    const stack = stackOf(0n, ...Array.from({ length: 16 }, () => 0n), functionAt(2), 0x10n, 0n, at(22), 0x18n, 0n)
    const { frames, whole } = unwindByOrc(stack, { ip: inside(3), sp: at(0), bp: 0n }, code)
    expect(frames.map(({ address, interrupted }) => [address, interrupted])).toEqual([
      [inside(3), false],
      [functionAt(2), true],
    ])
    expect(whole).toBe(true)
  })

  it('end where nothing fits, and say so', () => {
    const stack = stackOf(0n, 0n, 0n, 0x1234n)
    expect(unwindByOrc(stack, { ip: inside(0), sp: at(0), bp: 0n }, code)).toMatchObject({ whole: false })
  })
})

describe('a stack without ORC', () => {
  const code = codeOf(null)
  const stack = stackOf(at(3), inside(0), 7n, at(5), inside(1), 0n, inside(2), inside(0))

  it('is followed along its frame pointers', () => {
    const { frames, whole } = unwindByFramePointer(stack, { ip: inside(5), sp: at(0), bp: at(0) }, code)
    expect(frames.map(({ address }) => address)).toEqual([inside(5), inside(0), inside(1), inside(2)])
    expect(whole).toBe(true)
  })

  it('is followed through return addresses that are signed', () => {
    const signed = (address: bigint) => address & ~(0x2f5an << 48n)
    const words = stackOf(at(2), signed(inside(0)), 0n, signed(inside(1)))
    const known: Code = { ...code, returnAddress: (word) => word | (0xffffn << 48n) }
    const { frames, whole } = unwindByFramePointer(words, { ip: inside(5), sp: at(0), bp: at(0) }, known)
    expect(frames.map(({ address }) => address)).toEqual([inside(5), inside(0), inside(1)])
    expect(whole).toBe(true)
  })

  it('is words that may be return addresses', () => {
    const { frames, whole } = candidates(stack, { ip: inside(5), sp: at(0), bp: 0n }, code)
    expect(frames.map(({ address }) => address)).toEqual([inside(5), inside(0), inside(1), inside(2), inside(0)])
    expect(frames.every(({ found }) => found === 'candidate')).toBe(true)
    expect(whole).toBe(false)
  })
})

it('ends, and throws nothing, whatever a table and a stack are', () => {
  const anyWord = fc.oneof(
    fc.bigInt(0n, 2n ** 64n - 1n),
    fc.bigInt(0n, 64n).map((index) => STACK + index * 8n),
    fc.bigInt(0n, 4000n).map((offset) => TEXT + offset),
  )
  const saved = fc.record({ ip: fc.bigInt(0n, 3000n).map((offset) => TEXT + offset), sp: anyWord, bp: anyWord })
  const bytes = fc.uint8Array({ minLength: 10, maxLength: 200 }).map((array) => view(Buffer.from(array)))
  fc.assert(
    fc.property(fc.array(anyWord, { maxLength: 64 }), saved, bytes, bytes, (words, registers, ips, entries) => {
      const [stack, code] = [stackOf(...words), codeOf(OrcTable.own(TEXT, ips, entries))]
      for (const unwind of [unwindByOrc, unwindByFramePointer, candidates]) {
        expect(unwind(stack, registers, code).frames.length).toBeLessThanOrEqual(257)
      }
    }),
  )
})
