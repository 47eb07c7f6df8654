/** The packed formats of a memory image: AVML's and kdump-compressed. */

import { closeSync, openSync, writeSync } from 'node:fs'
import { deflateSync } from 'node:zlib'

/** A range of physical memory, and what reads it. */
export interface Memory {
  physical: number
  size: number
  read: (offset: number, length: number) => Buffer
}

export const PAGE = 4096
const AVML_BLOCK = 16 << 20
const CHUNK = 64 << 10
const STREAM = Buffer.from('\xff\x06\0\0sNaPpY', 'latin1')
const FIRST_BLOCKS = 2
const DESCRIPTOR = 24
const ZLIB = 1
const ZEROS = Buffer.alloc(CHUNK)

/** Ranges of at most 16 MiB in Snappy frames, as `avml --compress` writes them; nothing is made smaller. */
export function writeAvml(to: string, memory: readonly Memory[]): void {
  const file = openSync(to, 'wx')
  for (const { physical, size, read } of memory) {
    for (let at = 0; at < size; at += AVML_BLOCK) {
      const bytes = read(at, Math.min(AVML_BLOCK, size - at))
      const chunks: Buffer[] = [STREAM]
      for (let from = 0; from < bytes.length; from += CHUNK) chunks.push(chunk(bytes.subarray(from, from + CHUNK)))
      const frames = Buffer.concat(chunks)
      const head = Buffer.alloc(32)
      head.write('AVML\x02', 'latin1')
      head.writeBigUInt64LE(BigInt(physical + at), 8)
      head.writeBigUInt64LE(BigInt(physical + at + bytes.length - 1), 16)
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(frames.length))
      for (const part of [head, frames, length]) writeSync(file, part)
    }
  }
  closeSync(file)
}

/** A Snappy block of one literal, with its frame. */
function chunk(bytes: Buffer): Buffer {
  return bytes.equals(ZEROS) ? ZERO_CHUNK : framed(bytes)
}

function framed(bytes: Buffer): Buffer {
  const packed = Buffer.concat([
    varint(bytes.length),
    Buffer.from([61 << 2, (bytes.length - 1) & 255, (bytes.length - 1) >> 8]),
    bytes,
  ])
  const head = Buffer.alloc(8)
  head.writeUIntLE(packed.length + 4, 1, 3)
  const crc = crc32c(bytes)
  head.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 4)
  return Buffer.concat([head, packed])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let left = value; ; left >>= 7) {
    if (left < 128) return Buffer.from([...bytes, left])
    bytes.push((left & 127) | 128)
  }
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C, which Snappy's frames have. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC[(crc ^ byte) & 255] as number)
  return ~crc
}

const ZERO_CHUNK = framed(ZEROS)

/** Numbers of the first page and of the one behind the last. */
export type Pages = readonly [number, number]

/**
 * A dump with zlib pages as makedumpfile writes it: a page of zeros is there once. With a claim, the part of it that
 * holds these pages. `machine` is what uname calls the processor.
 */
export function writeKdump(to: string, memory: readonly Memory[], claim?: Pages, machine = 'x86_64'): void {
  const end = Math.max(...memory.map(({ physical, size }) => (physical + size) / PAGE))
  const bitmap = Buffer.alloc(Math.ceil(end / 8 / PAGE) * PAGE)
  for (const { physical, size } of memory) {
    for (let page = physical / PAGE; page < (physical + size) / PAGE; page++) {
      bitmap[page >> 3] = (bitmap[page >> 3] ?? 0) | (1 << (page & 7))
    }
  }
  const [first, behind] = claim ?? [0, end]
  const held = (physical: number): boolean => physical >= first * PAGE && physical < behind * PAGE
  const file = openSync(to, 'wx')
  const table = FIRST_BLOCKS * PAGE + 2 * bitmap.length
  writeSync(file, Buffer.concat([dumpHeaders(end, bitmap.length, machine, claim), bitmap, bitmap]))
  const counted = memory.map(({ physical, size }) =>
    Math.max(0, Math.min(behind, (physical + size) / PAGE) - Math.max(first, physical / PAGE)),
  )
  const descriptors = Buffer.alloc(counted.reduce((sum, pages) => sum + pages, 0) * DESCRIPTOR)
  let next = table + descriptors.length
  const put = (bytes: Buffer) => {
    next += writeSync(file, bytes, 0, bytes.length, next)
    return { at: next - bytes.length, size: bytes.length }
  }
  const zeros = put(deflateSync(ZEROS.subarray(0, PAGE)))
  let index = 0
  for (const [physical, page] of pagesOf(memory)) {
    if (!held(physical)) continue
    const packed = page.equals(ZEROS.subarray(0, PAGE)) ? null : deflateSync(page, { level: 1 })
    const plain = packed !== null && packed.length >= PAGE
    const { at, size } = packed === null ? zeros : put(plain ? page : packed)
    descriptors.writeBigUInt64LE(BigInt(at), index)
    descriptors.writeUInt32LE(size, index + 8)
    descriptors.writeUInt32LE(plain ? 0 : ZLIB, index + 12)
    index += DESCRIPTOR
  }
  writeSync(file, descriptors, 0, descriptors.length, table)
  closeSync(file)
}

/** Memory in pages, each with its address. */
export function* pagesOf(memory: readonly Memory[]): Generator<[number, Buffer]> {
  for (const { physical, size, read } of memory) {
    for (let at = 0; at < size; at += AVML_BLOCK) {
      const block = read(at, Math.min(AVML_BLOCK, size - at))
      for (let from = 0; from < block.length; from += PAGE) {
        yield [physical + at + from, block.subarray(from, from + PAGE)]
      }
    }
  }
}

function dumpHeaders(pages: number, bitmap: number, machine: string, claim?: Pages): Buffer {
  const head = Buffer.alloc(FIRST_BLOCKS * PAGE)
  head.write('KDUMP   ')
  head.writeUInt32LE(6, 8)
  head.write(machine, 272)
  for (const [offset, value] of [
    [424, ZLIB],
    [428, PAGE],
    [432, 1],
    [436, (2 * bitmap) / PAGE],
    [440, pages],
  ] as const) {
    head.writeUInt32LE(value, offset)
  }
  head.writeBigUInt64LE(BigInt(pages), PAGE + 96)
  if (claim !== undefined) {
    head.writeUInt32LE(1, PAGE + 12)
    for (const [index, page] of claim.entries()) {
      head.writeBigUInt64LE(BigInt(page), PAGE + 16 + 8 * index)
      head.writeBigUInt64LE(BigInt(page), PAGE + 80 + 8 * index)
    }
  }
  return head
}
