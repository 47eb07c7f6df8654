/** One format of a memory image from another. */

import { closeSync, ftruncateSync, openSync, readSync, renameSync, writeSync } from 'node:fs'
import { type Memory, type Pages, writeAvml, writeKdump } from './packed.js'

export type Format = 'elf' | 'raw' | 'lime' | 'avml' | 'kdump'

/** A range of physical memory in a file. */
interface Segment {
  physical: number
  offset: number
  size: number
}

const LIME_MAGIC = 0x4c694d45
const LIME_HEADER = 32
const ELF_HEADER = 64
const ELF_ENTRY = 56
const ET_CORE = 4
const EM_X86_64 = 62
const PT_LOAD = 1
const BLOCK = 16 << 20

/** Copies the memory of a LiME file or an ELF core into a file of another format. */
export function convert(from: string, to: string, format: Format): void {
  const partial = `${to}.${process.pid}.part`
  const source = openSync(from, 'r')
  const segments = readSegments(source)
  if (format === 'avml' || format === 'kdump') {
    const write = format === 'avml' ? writeAvml : writeKdump
    write(partial, memoryOf(source, segments))
    closeSync(source)
    renameSync(partial, to)
    return
  }
  const target = openSync(partial, 'wx')
  if (format === 'elf') writeSync(target, elfHeaders(segments), 0, undefined, 0)
  let end = format === 'elf' ? elfSize(segments.length) : 0
  for (const segment of segments) {
    if (format === 'raw') end = segment.physical
    if (format === 'lime') end += writeSync(target, limeHeader(segment), 0, LIME_HEADER, end)
    copy(source, segment, target, end)
    end += segment.size
  }
  // What a sample ends with may be a hole.
  ftruncateSync(target, end)
  closeSync(source)
  closeSync(target)
  renameSync(partial, to)
}

/** Copies the memory of a LiME file or an ELF core into the parts of a dump, as `makedumpfile --split` writes them. */
export function splitDump(from: string, parts: readonly { to: string; claim: Pages }[]): void {
  withMemory(from, (memory) => {
    for (const { to, claim } of parts) writeKdump(to, memory, claim)
  })
}

/** Calls what writes the memory of a LiME file or an ELF core in another way. */
export function withMemory(from: string, write: (memory: Memory[]) => void): void {
  const source = openSync(from, 'r')
  write(memoryOf(source, readSegments(source)))
  closeSync(source)
}

function memoryOf(source: number, segments: readonly Segment[]): Memory[] {
  return segments.map(({ physical, offset, size }) => ({
    physical,
    size,
    read: (at, length) => bytesAt(source, offset + at, length),
  }))
}

/** Bytes of a file; what a sample ends with may be a hole that the file does not have. */
function bytesAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  readSync(file, bytes, 0, length, offset)
  return bytes
}

function copy(source: number, { offset, size }: Segment, target: number, to: number): void {
  const block = Buffer.alloc(Math.min(BLOCK, size))
  for (let done = 0; done < size; ) {
    const length = readSync(source, block, 0, Math.min(block.length, size - done), offset + done)
    done += writeSync(target, block, 0, length, to + done)
  }
}

function readSegments(file: number): Segment[] {
  const header = Buffer.alloc(ELF_HEADER)
  readSync(file, header, 0, header.length, 0)
  const segments = header.readUInt32LE(0) === LIME_MAGIC ? limeSegments(file) : elfSegments(file, header)
  return segments.sort((left, right) => left.physical - right.physical)
}

function limeSegments(file: number): Segment[] {
  const segments: Segment[] = []
  const header = Buffer.alloc(LIME_HEADER)
  for (let at = 0; readSync(file, header, 0, LIME_HEADER, at) === LIME_HEADER; ) {
    const physical = Number(header.readBigUInt64LE(8))
    const size = Number(header.readBigUInt64LE(16)) - physical + 1
    segments.push({ physical, offset: at + LIME_HEADER, size })
    at += LIME_HEADER + size
  }
  return segments
}

function elfSegments(file: number, header: Buffer): Segment[] {
  const entries = Buffer.alloc(header.readUInt16LE(56) * ELF_ENTRY)
  readSync(file, entries, 0, entries.length, Number(header.readBigUInt64LE(32)))
  return Array.from({ length: entries.length / ELF_ENTRY }, (_, index) => index * ELF_ENTRY)
    .filter((entry) => entries.readUInt32LE(entry) === PT_LOAD)
    .map((entry) => ({
      physical: Number(entries.readBigUInt64LE(entry + 24)),
      offset: Number(entries.readBigUInt64LE(entry + 8)),
      size: Number(entries.readBigUInt64LE(entry + 32)),
    }))
}

function limeHeader({ physical, size }: Segment): Buffer {
  const header = Buffer.alloc(LIME_HEADER)
  header.writeUInt32LE(LIME_MAGIC, 0)
  header.writeUInt32LE(1, 4)
  header.writeBigUInt64LE(BigInt(physical), 8)
  header.writeBigUInt64LE(BigInt(physical + size - 1), 16)
  return header
}

function elfSize(segments: number): number {
  return ELF_HEADER + segments * ELF_ENTRY
}

/** The header of an ELF core, and an entry for each segment, whose contents follow in order. */
function elfHeaders(segments: readonly Segment[]): Buffer {
  const bytes = Buffer.alloc(elfSize(segments.length))
  bytes.write('\x7fELF\x02\x01\x01', 'latin1')
  bytes.writeUInt16LE(ET_CORE, 16)
  bytes.writeUInt16LE(EM_X86_64, 18)
  bytes.writeUInt32LE(1, 20)
  bytes.writeBigUInt64LE(BigInt(ELF_HEADER), 32)
  bytes.writeUInt16LE(ELF_HEADER, 52)
  bytes.writeUInt16LE(ELF_ENTRY, 54)
  bytes.writeUInt16LE(segments.length, 56)
  let offset = bytes.length
  for (const [index, { physical, size }] of segments.entries()) {
    const entry = ELF_HEADER + index * ELF_ENTRY
    bytes.writeUInt32LE(PT_LOAD, entry)
    bytes.writeBigUInt64LE(BigInt(offset), entry + 8)
    bytes.writeBigUInt64LE(BigInt(physical), entry + 24)
    bytes.writeBigUInt64LE(BigInt(size), entry + 32)
    bytes.writeBigUInt64LE(BigInt(size), entry + 40)
    offset += size
  }
  return bytes
}
