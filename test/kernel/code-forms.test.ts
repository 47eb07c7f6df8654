/** First bytes of functions made by hand: what ftrace writes there, and what somebody else would. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ARM64_CODE } from '../../dist/src/kernel/hooks/code-arm64.js'
import type { CodeForm } from '../../dist/src/kernel/hooks/code-form.js'
import { X86_CODE } from '../../dist/src/kernel/hooks/code-x86.js'

const AT = 0xffff_8000_8001_0000n
const NOP = 0xd503201f

/** Instructions of arm64. */
function code(...words: number[]): Uint8Array {
  const bytes = Buffer.alloc(24)
  words.forEach((word, index) => void bytes.writeUInt32LE(word >>> 0, index * 4))
  return bytes
}

const branch = (distance: number) => 0x14000000 | ((distance / 4) & 0x3ffffff)
const call = (distance: number) => 0x94000000 | ((distance / 4) & 0x3ffffff)

describe('code of arm64', () => {
  it('does nothing where nothing is traced, and calls where something is', () => {
    expect(ARM64_CODE.isNop(code(NOP))).toBe(true)
    expect(ARM64_CODE.isTraced(code(NOP))).toBe(false)
    expect(ARM64_CODE.isTraced(code(call(0x100)))).toBe(true)
    expect(ARM64_CODE.isTraced(code(0xd4200080))).toBe(true)
    expect(ARM64_CODE.call(AT, code(call(-0x40)))).toBe(AT - 0x40n)
    expect(ARM64_CODE.call(AT, code(branch(8)))).toBeNull()
  })

  it('leaves by a branch, by an address that lies beside it, and by one that is put together', () => {
    expect(ARM64_CODE.jump(AT, code(NOP, branch(0x7fffffc)), 4)).toBe(AT + 4n + 0x7fffffcn)
    expect(ARM64_CODE.jump(AT, code(NOP, call(8)), 4)).toBeNull()
    // LDR x16, .+8; BR x16; the address.
    const beside = code(NOP, 0x58000050, 0xd61f0200, 0x89ab0000, 0xffff8000)
    expect(ARM64_CODE.far(AT, beside, 4)).toBe(0xffff_8000_89ab_0000n)
    // MOVZ x17, #0x1234; MOVK x17, #0x8765, LSL 16; MOVK x17, #0xffff, LSL 48; BR x17.
    const made = code(NOP, 0xd2824691, 0xf2b0ecb1, 0xf2fffff1, 0xd61f0220)
    expect(ARM64_CODE.far(AT, made, 4)).toBe(0xffff_0000_8765_1234n)
    for (const leaving of [beside, made, code(NOP, branch(4))])
      expect(ARM64_CODE.mayLeave(leaving.subarray(4))).toBe(true)
    // Another register, another instruction in between, an address behind the end.
    for (const staying of [
      code(NOP, 0x58000050, 0xd61f0220),
      code(NOP, 0xd2824691, NOP, 0xd61f0220),
      code(NOP, 0x587fffd0, 0xd61f0200),
    ])
      expect(ARM64_CODE.far(AT, staying, 4)).toBeNull()
  })
})

it('gives an answer to any bytes', () => {
  const forms = fc.constantFrom<CodeForm>(ARM64_CODE, X86_CODE)
  fc.assert(
    fc.property(forms, fc.uint8Array({ minLength: 24, maxLength: 24 }), (form, bytes) => {
      form.isNop(bytes)
      form.isTraced(bytes)
      const may = form.mayLeave(bytes)
      const [jump, far] = [form.jump(AT, bytes, 0), form.far(AT, bytes, 0)]
      if (!may) expect([jump, far]).toEqual([null, null])
      for (const target of [form.call(AT, bytes), jump, far]) {
        if (target !== null) expect(target >= 0n && target < 2n ** 64n).toBe(true)
      }
    }),
  )
})
