/** BPF instructions as words. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { disassemble } from '../../dist/src/kernel/bpf/disassembly.js'

const texts = (hex: string) => disassemble(Buffer.from(hex, 'hex')).map(({ text }) => text)

describe('BPF instructions', () => {
  it('are worded as bpftool words them', () => {
    expect(texts('b700000000000000 9500000000000000'.replaceAll(' ', ''))).toEqual(['r0 = 0', 'exit'])
    expect(texts('7b1af8ff00000000')).toEqual(['*(u64 *)(r10 -8) = r1'])
    expect(texts('6112000000000000')).toEqual(['r2 = *(u32 *)(r1 +0)'])
    expect(texts('1501020005000000')).toEqual(['if r1 == 0x5 goto pc+2'])
    expect(texts('05000a0000000000')).toEqual(['goto pc+10'])
    expect(texts('8500000001000000')).toEqual(['call 1'])
    expect(texts('8510000005000000')).toEqual(['call pc+5'])
    expect(texts('db12000000000000')).toEqual(['lock *(u64 *)(r2 +0) += r1'])
    expect(texts('dc01000010000000')).toEqual(['r1 = be16 r1'])
  })

  it('take two places where they load 64 bits', () => {
    const [wide, next] = disassemble(Buffer.from(`1801000078563412000000000df0adba9500000000000000`, 'hex'))
    expect(wide).toMatchObject({ index: 0, loads: 0xbaadf00d12345678n, text: 'r1 = 0xbaadf00d12345678' })
    expect(next).toMatchObject({ index: 2, text: 'exit' })
  })

  it('are found in any bytes, each once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 256 }), (bytes) => {
        const found = disassemble(bytes)
        const length = found.reduce((sum, { code }) => sum + code.length / 2, 0)
        expect(length).toBe(bytes.length - (bytes.length % 8))
        expect(found.every(({ text }) => text !== '')).toBe(true)
      }),
    )
  })
})
