/** ELF headers and segments, whatever their bytes are. */

import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { elfHeader, loadedSize, segmentsOf, unrelocated, withoutSections } from '../../dist/src/kernel/elf.js'

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** A header of 64 bits with two segments behind it. */
function program(): Buffer {
  const file = Buffer.alloc(64 + 2 * 56)
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  file.writeUInt16LE(3, 16)
  file.writeUInt16LE(62, 18)
  file.writeBigUInt64LE(0x1040n, 24)
  file.writeBigUInt64LE(64n, 32)
  file.writeBigUInt64LE(0x5000n, 40)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(2, 56)
  file.writeUInt16LE(30, 60)
  for (const [index, kind] of [1, 2].entries()) {
    const at = 64 + index * 56
    file.writeUInt32LE(kind, at)
    file.writeBigUInt64LE(0x3000n, at + 16)
    file.writeBigUInt64LE(0x200n, at + 32)
    file.writeBigUInt64LE(0x400n, at + 40)
  }
  return file
}

it('says what a file is, and what of it is loaded', () => {
  const file = program()
  const header = elfHeader(view(file))
  expect(header).toMatchObject({
    bits: 64,
    type: 'shared object',
    machine: 'x86_64',
    entry: 0x1040n,
    segmentsLength: 112,
  })
  if (header === null) return
  const loaded = segmentsOf(header, view(file.subarray(64)), 'loaded')
  expect(loaded).toEqual([{ address: 0x3000n, length: 0x400n, offset: 0n, bytes: 0x200n }])
  expect(segmentsOf(header, view(file.subarray(64)), 'dynamic')).toEqual(loaded)
  expect(loadedSize(loaded)).toBe(0x400n)
  const changed = withoutSections(header, file)
  expect(view(changed).getBigUint64(40, true)).toBe(0n)
  expect(view(changed).getUint16(60, true)).toBe(0)
  expect(view(changed).getUint16(54, true)).toBe(56)
})

it('takes addresses of memory out of a dynamic section, and nothing else', () => {
  const header = elfHeader(view(program()))
  if (header === null) throw new Error('no header')
  const section = new BigUint64Array([5n, 0x7f00_0000_0500n, 10n, 0x500n, 21n, 0x7fff_0000_0000n])
  const changed = unrelocated(header, new Uint8Array(section.buffer), 0x7f00_0000_0000n, 0x4000n)
  expect([...new BigUint64Array(changed.buffer)]).toEqual([5n, 0x500n, 10n, 0x500n, 21n, 0x7fff_0000_0000n])
})

it('throws nothing', () => {
  const bytes = fc.uint8Array({ maxLength: 400 })
  fc.assert(
    fc.property(bytes, bytes, fc.constantFrom(1, 2), (start, table, kind) => {
      const file = program()
      file[4] = kind
      file.set(start.subarray(0, 100), 16)
      const header = elfHeader(view(file))
      if (header === null) return
      const size = header.bits === 64 ? 56 : 32
      const whole = table.slice(0, table.length - (table.length % size))
      const segments = segmentsOf(header, view(whole), 'loaded')
      expect(segments.length).toBeLessThanOrEqual(whole.length / size)
      loadedSize(segments)
      unrelocated(header, table, 0n, 1n << 40n)
    }),
  )
})
