/** Kernel stacks made by hand: the three numberings of ORC, frame pointers, and what is no stack. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OrcTable } from '../../dist/src/kernel/orc.js'
import {
  type Code,
  candidates,
  type EntryFrame,
  unwindByFramePointer,
  unwindByOrc,
} from '../../dist/src/kernel/unwind.js'

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

function codeOf(orc: OrcTable | null, entryFrame: EntryFrame | null = null): Code {
  return {
    entryFrame,
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

/** Words of `struct pt_regs` of arm64 from 6.13 on (arch/arm64/include/asm/ptrace.h), and where in it is what. */
const REGS = { words: 42, fp: 29, pc: 32, frame: 37, type: 39 }
const from = (word: number) => BigInt((word - REGS.frame) * 8)
const ENTRY = { type: from(REGS.type), pc: from(REGS.pc), fp: from(REGS.fp), end: from(REGS.words) }
const [LAST, INTERRUPTED] = [1n, 2n]

/** A function that was called since an interrupt, in another that user mode called; some words are other ones. */
function interruptedStack(others: Record<number, bigint> = {}) {
  const words = Array.from({ length: 4 + 2 * REGS.words }, () => 0n)
  const [first, caller, last] = [2, 2 + REGS.words, 4 + REGS.words]
  const known = {
    ...{ 0: at(first + REGS.frame), 1: inside(0) },
    ...{ [first + REGS.fp]: at(caller), [first + REGS.pc]: functionAt(6) },
    ...{ [first + REGS.type]: INTERRUPTED, [caller]: at(last + REGS.frame), [caller + 1]: inside(1) },
    ...{ [last + REGS.type]: LAST, ...others },
  }
  for (const [index, word] of Object.entries(known)) words[Number(index)] = word
  return stackOf(...words)
}

describe('registers that say why the kernel was entered', () => {
  const code = codeOf(null, ENTRY)
  const unwound = (others: Record<number, bigint> = {}, known = code) =>
    unwindByFramePointer(interruptedStack(others), { ip: inside(5), sp: at(0), bp: at(0) }, known)
  const [fp, pc, type] = [2 + REGS.fp, 2 + REGS.pc, 2 + REGS.type]

  it('lead to what was interrupted, and on to where the stack begins', () => {
    const { frames, whole } = unwound()
    expect(frames.map(({ address, found, interrupted }) => [address, found, interrupted])).toEqual([
      [inside(5), 'frame pointer', false],
      [inside(0), 'frame pointer', false],
      [functionAt(6), 'frame pointer', true],
      [inside(1), 'frame pointer', false],
    ])
    expect(whole).toBe(true)
  })

  it('are where a stack begins for a kernel whose registers do not say it', () => {
    expect(unwound({}, codeOf(null))).toMatchObject({ frames: { length: 2 }, whole: true })
  })

  it.each([
    ['of a kind that is none', { [type]: 3n }],
    ['that began a stack, within one', { [type]: LAST }],
    ['that interrupted what is no code', { [pc]: 0x1234n }],
    ['with a frame pointer that leads back', { [fp]: at(0) }],
    ['with a frame pointer to themselves', { [fp]: at(2 + REGS.frame) }],
    ['with a frame pointer out of the stack', { [fp]: at(9000) }],
    ['without a frame pointer', { [fp]: 0n }],
  ])('break off %s', (_, others) => {
    expect(unwound(others)).toMatchObject({ whole: false })
  })

  it('break off where the stack ends before they do', () => {
    const stack = stackOf(at(2), inside(0), 0n, 0n)
    expect(unwindByFramePointer(stack, { ip: inside(5), sp: at(0), bp: at(0) }, code)).toMatchObject({ whole: false })
  })
})

it('ends, and throws nothing, whatever a table and a stack are', () => {
  const anyWord = fc.oneof(
    fc.bigInt(0n, 2n ** 64n - 1n),
    fc.bigInt(0n, 64n).map((index) => STACK + index * 8n),
    fc.bigInt(0n, 4000n).map((offset) => TEXT + offset),
    fc.bigInt(0n, 2n),
  )
  const saved = fc.record({ ip: fc.bigInt(0n, 3000n).map((offset) => TEXT + offset), sp: anyWord, bp: anyWord })
  const bytes = fc.uint8Array({ minLength: 10, maxLength: 200 }).map((array) => view(Buffer.from(array)))
  fc.assert(
    fc.property(fc.array(anyWord, { maxLength: 64 }), saved, bytes, bytes, (words, registers, ips, entries) => {
      const [stack, code] = [stackOf(...words), codeOf(OrcTable.own(TEXT, ips, entries), ENTRY)]
      for (const unwind of [unwindByOrc, unwindByFramePointer, candidates]) {
        expect(unwind(stack, registers, code).frames.length).toBeLessThanOrEqual(257)
      }
    }),
  )
})
