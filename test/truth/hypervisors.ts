/** Memory as hypervisors and other tools save it, written after their own sources (see native/src/image/). */

import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { deflateSync, gzipSync } from 'node:zlib'
import { type Memory, PAGE, pagesOf } from './packed.js'

/** Writes memory into a file whose name ends as its format's do. */
export type Write = (to: string, memory: readonly Memory[]) => void

const WRITE = 1 << 20

/** A file that is written from its start to its end. */
class Out {
  readonly #file: number
  #waiting: Buffer[] = []
  #bytes = 0

  constructor(path: string) {
    this.#file = openSync(path, 'wx')
  }

  add(...parts: Buffer[]): void {
    for (const part of parts) {
      // A page is a part of a block that is read over.
      this.#waiting.push(Buffer.from(part))
      this.#bytes += part.length
    }
    if (this.#bytes > WRITE) this.#flush()
  }

  close(): void {
    this.#flush()
    closeSync(this.#file)
  }

  #flush(): void {
    writeSync(this.#file, Buffer.concat(this.#waiting))
    this.#waiting = []
    this.#bytes = 0
  }
}

function be32(...words: number[]): Buffer {
  const bytes = Buffer.alloc(4 * words.length)
  for (const [index, word] of words.entries()) bytes.writeUInt32BE(word, 4 * index)
  return bytes
}

function be64(word: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(word)
  return bytes
}

function le64(...words: number[]): Buffer {
  const bytes = Buffer.alloc(8 * words.length)
  for (const [index, word] of words.entries()) bytes.writeBigUInt64LE(BigInt(word), 8 * index)
  return bytes
}

function named(name: string): Buffer {
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name, 'latin1')])
}

function endOf(memory: readonly Memory[]): number {
  return Math.max(...memory.map(({ physical, size }) => physical + size))
}

const ZERO = 0x02n
const MEM_SIZE = 0x04n
const STORED = 0x08n
const EOS = 0x10n
const CONTINUE = 0x20n
const COMPRESSED = 0x100n

/** A stream of QEMU's: pages of zeros as a byte, each eighth other one packed, one sent twice. */
export const writeQemu: Write = (to, memory) => {
  const out = new Out(to)
  writeStream(out, memory)
  out.close()
}

/** libvirt's header and the guest's description, before a stream that is packed in a way that has this number. */
function libvirtHeader(format: number): Buffer {
  const head = Buffer.alloc(92)
  const description = Buffer.from('<domain/>\0')
  head.write('LibvirtQemudSave')
  for (const [index, word] of [2, description.length, 1, format].entries()) head.writeUInt32LE(word, 16 + 4 * index)
  return Buffer.concat([head, description])
}

/** The same behind libvirt's header and the guest's description. */
export const writeLibvirt: Write = (to, memory) => {
  const out = new Out(to)
  out.add(libvirtHeader(0))
  writeStream(out, memory)
  out.close()
}

/** The same, packed. */
export const writeLibvirtGzip: Write = (to, memory) => {
  writeQemu(`${to}.plain`, memory)
  writeFileSync(to, Buffer.concat([libvirtHeader(1), gzipSync(readFileSync(`${to}.plain`), { level: 1 })]))
}

const ALIGNMENT = 1 << 20

/** A guest saved with mapped-ram: a bitmap of the pages that are not zeros, and each page in its place. */
export const writeMappedRam: Write = (to, memory) => writeMapped(to, Buffer.alloc(0), memory)

/** The same as libvirt saves it. */
export const writeLibvirtSparse: Write = (to, memory) => writeMapped(to, libvirtHeader(6), memory)

function writeMapped(to: string, start: Buffer, memory: readonly Memory[]): void {
  const size = endOf(memory)
  const machine = Buffer.from('pc-q35-9.2')
  const capability = Buffer.concat([named('configuration/capabilities'), be32(1, 1), named('mapped-ram')])
  const ram = Buffer.concat([Buffer.from([1]), be32(2), named('ram'), be32(0, 4), be64(BigInt(size) | MEM_SIZE)])
  const block = Buffer.concat([named('pc.ram'), be64(BigInt(size))])
  const begin = Buffer.from('QEVM\0\0\0\x03\x07', 'latin1')
  const head = Buffer.concat([start, begin, be32(machine.length), machine, Buffer.from([5]), capability, ram, block])
  const bitmapAt = head.length + 28
  const bitmap = Buffer.alloc(Math.ceil(size / PAGE / 64) * 8)
  const first = Math.ceil((bitmapAt + bitmap.length) / ALIGNMENT) * ALIGNMENT
  const file = openSync(to, 'wx')
  for (const [physical, page] of pagesOf(memory)) {
    if (page.every((byte) => byte === 0)) continue
    const number = physical / PAGE
    bitmap[number >> 3] = (bitmap[number >> 3] ?? 0) | (1 << (number & 7))
    writeSync(file, page, 0, PAGE, first + physical)
  }
  const places = [be32(1), be64(BigInt(PAGE)), be64(BigInt(bitmapAt)), be64(BigInt(first))]
  writeSync(file, Buffer.concat([head, ...places, bitmap]), 0, undefined, 0)
  const footer = Buffer.concat([Buffer.from([0x7e]), be32(2)])
  const end = Buffer.concat([
    be64(EOS),
    footer,
    Buffer.from([3]),
    be32(2),
    be64(EOS),
    footer,
    Buffer.from('\x04devices'),
  ])
  writeSync(file, end, 0, end.length, first + size)
  closeSync(file)
}

function writeStream(out: Out, memory: readonly Memory[]): void {
  const section = (kind: number) => Buffer.concat([Buffer.from([kind]), be32(2)])
  const footer = section(0x7e)
  const ram = named('pc.ram')
  const size = BigInt(endOf(memory))
  const machine = Buffer.from('pc-i440fx-7.2')
  out.add(Buffer.from('QEVM\0\0\0\x03\x07', 'latin1'), be32(machine.length), machine)
  out.add(section(1), named('ram'), be32(0, 4), be64(size | MEM_SIZE), ram, be64(size), be64(EOS), footer)
  out.add(section(2))
  let count = 0
  for (const [physical, page] of pagesOf(memory)) {
    const own = count === 0 ? [ram] : []
    const record = (kind: bigint) => be64(BigInt(physical) | kind | (count === 0 ? 0n : CONTINUE))
    const packed = count % 8 === 7 ? deflateSync(page, { level: 1 }) : null
    if (count === 0) out.add(record(STORED), ...own, Buffer.alloc(PAGE, 1))
    if (page.every((byte) => byte === 0)) out.add(record(ZERO), ...own, Buffer.from([0]))
    else if (packed === null) out.add(record(STORED), ...own, page)
    else out.add(record(COMPRESSED), ...own, be32(packed.length), packed)
    count++
  }
  out.add(be64(EOS), footer, section(3), be64(EOS), footer, Buffer.from('\x04devices'))
}

const TAG_WORD = 8

/** VMware's memory, its ranges one behind the other, and beside it the state that tells where they belong. */
export const writeVmware: Write = (to, memory) => {
  const out = new Out(to)
  const tags = writeRegions(out, memory)
  out.close()
  writeFileSync(to.replace(/vmem$/, 'vmss'), vmwareState(tags, null))
}

/** A snapshot of an older product's, which holds the memory itself. */
export const writeVmwareSnapshot: Write = (to, memory) => {
  const plain = `${to}.memory`
  const out = new Out(plain)
  const tags = writeRegions(out, memory)
  out.close()
  const bytes = readFileSync(plain)
  writeFileSync(to, Buffer.concat([vmwareState(tags, bytes.length), bytes, Buffer.alloc(2)]))
}

/** Writes memory and answers the tags that tell where it belongs. */
function writeRegions(out: Out, memory: readonly Memory[]): Buffer[] {
  const tag = (name: string, index: number | null, value: number) => {
    const place = index === null ? Buffer.alloc(0) : Buffer.from(Uint32Array.of(index).buffer)
    const flags = TAG_WORD | (index === null ? 0 : 1 << 6)
    return Buffer.concat([Buffer.from([flags]), named(name), place, le64(value)])
  }
  const tags = [tag('regionsCount', null, memory.length)]
  let stored = 0
  for (const [index, { physical, size, read }] of memory.entries()) {
    tags.push(tag('regionPPN', index, physical / PAGE))
    tags.push(tag('regionPageNum', index, stored / PAGE), tag('regionSize', index, size / PAGE))
    for (let at = 0; at < size; at += WRITE) out.add(read(at, Math.min(WRITE, size - at)))
    stored += size
  }
  return tags
}

/** A state with these tags; with memory of a length, it ends where that begins. */
function vmwareState(tags: readonly Buffer[], length: number | null): Buffer {
  const group = (name: string, at: number) => {
    const bytes = Buffer.alloc(80)
    bytes.write(name)
    bytes.writeBigUInt64LE(BigInt(at), 64)
    return bytes
  }
  const head = Buffer.from([0xd2, 0xbe, 0xd2, 0xbe, 8, 0, 0, 0, 2, 0, 0, 0])
  const [empty, at] = [head.length + 160, head.length + 162]
  // A value's length as it is stored and as it is, and no padding before it.
  const own = length === null ? [] : [Buffer.from([62]), named('Memory'), le64(length, length)]
  return Buffer.concat([
    head,
    group('cpu', empty),
    group('memory', at),
    Buffer.alloc(2),
    ...tags,
    ...own,
    Buffer.alloc(2),
  ])
}

/** A complete crash dump with a bitmap of the pages that it holds. */
export const writeCrashDump: Write = (to, memory) => {
  const out = new Out(to)
  const pages = endOf(memory) / PAGE
  const bitmap = Buffer.alloc(Math.ceil(pages / 8))
  for (const [physical] of pagesOf(memory)) {
    const page = physical / PAGE
    bitmap[page >> 3] = (bitmap[page >> 3] ?? 0) | (1 << (page & 7))
  }
  const head = Buffer.alloc(2 * PAGE)
  head.write('PAGEDU64')
  head.writeUInt32LE(0x8664, 0x30)
  head.writeUInt32LE(5, 0xf98)
  const second = Buffer.alloc(0x38)
  second.write('SDMPDUMP')
  const first = Math.ceil((head.length + second.length + bitmap.length) / PAGE) * PAGE
  second.writeBigUInt64LE(BigInt(first), 0x20)
  second.writeBigUInt64LE(BigInt(pages), 0x30)
  out.add(head, second, bitmap, Buffer.alloc(first - head.length - second.length - bitmap.length))
  for (const [, page] of pagesOf(memory)) out.add(page)
  out.close()
}

const ELF_HEADER = 64
const ELF_SECTION = 64
const ELF_SEGMENT = 56

function elf(fields: { segments?: number; sections?: number; sectionsAt?: number }): Buffer {
  const head = Buffer.alloc(ELF_HEADER)
  head.write('\x7fELF\x02\x01\x01', 'latin1')
  head.writeUInt16LE(4, 16)
  head.writeUInt16LE(62, 18)
  head.writeUInt32LE(1, 20)
  head.writeBigUInt64LE(BigInt(fields.segments ? ELF_HEADER : 0), 32)
  head.writeBigUInt64LE(BigInt(fields.sectionsAt ?? 0), 40)
  for (const [index, word] of [
    ELF_HEADER,
    ELF_SEGMENT,
    fields.segments ?? 0,
    ELF_SECTION,
    fields.sections ?? 0,
  ].entries())
    head.writeUInt16LE(word, 52 + 2 * index)
  return head
}

/** A core of Xen's: pages in one section, their numbers in another. One page more has no number. */
export const writeXen: Write = (to, memory) => {
  const names = '\0.shstrtab\0.xen_pages\0.xen_pfn\0'
  const out = new Out(to)
  let pages = 1
  const numbers: Buffer[] = [Buffer.alloc(8, 0xff)]
  for (const [physical] of pagesOf(memory)) {
    numbers.push(le64(physical / PAGE))
    pages++
  }
  const section = (name: string, kind: number, at: number, size: number) => {
    const bytes = Buffer.alloc(ELF_SECTION)
    bytes.writeUInt32LE(name === '' ? 0 : names.indexOf(name), 0)
    bytes.writeUInt32LE(kind, 4)
    bytes.writeBigUInt64LE(BigInt(at), 24)
    bytes.writeBigUInt64LE(BigInt(size), 32)
    return bytes
  }
  const data = ELF_HEADER + 4 * ELF_SECTION
  const head = elf({ sections: 4, sectionsAt: ELF_HEADER })
  head.writeUInt16LE(1, 62)
  out.add(head, section('', 0, 0, 0), section('.shstrtab', 3, data, names.length))
  out.add(section('.xen_pages', 1, data + names.length + 8 * pages, PAGE * pages))
  out.add(section('.xen_pfn', 1, data + names.length, 8 * pages), Buffer.from(names, 'latin1'), Buffer.concat(numbers))
  out.add(Buffer.alloc(PAGE, 0xee))
  for (const [, page] of pagesOf(memory)) out.add(page)
  out.close()
}

/** A copy of /proc/kcore: memory, a part of it once more as the kernel's text, and what has no physical address. */
export const writeKcore: Write = (to, memory) => {
  const [first] = memory
  if (first === undefined) throw new Error('there is no memory')
  const text = { ...first, size: Math.min(first.size / 2, WRITE) }
  const out = new Out(to)
  const segments = [
    { address: null, ...text },
    { address: first.physical, ...text },
  ]
  segments.push(...memory.map((range) => ({ address: range.physical, ...range })))
  let at = ELF_HEADER + segments.length * ELF_SEGMENT
  out.add(elf({ segments: segments.length }))
  for (const { address, size } of segments) {
    const entry = Buffer.alloc(ELF_SEGMENT)
    entry.writeUInt32LE(1, 0)
    entry.writeBigUInt64LE(BigInt(at), 8)
    entry.writeBigUInt64LE(address === null ? (1n << 64n) - 1n : BigInt(address), 24)
    entry.writeBigUInt64LE(BigInt(size), 32)
    entry.writeBigUInt64LE(BigInt(size), 40)
    out.add(entry)
    at += size
  }
  for (const { size, read } of segments) {
    for (let from = 0; from < size; from += WRITE) out.add(read(from, Math.min(WRITE, size - from)))
  }
  out.close()
}

/** A core of VirtualBox's: no version in its ident, records of itself, and memory of a device that the file has not. */
export const writeVirtualBox: Write = (to, memory) => {
  const note = Buffer.concat([
    Buffer.from(Uint32Array.of(6, 24, 0xb00).buffer),
    Buffer.from('VBCORE\0\0'),
    Buffer.alloc(24, 1),
  ])
  const segments = memory.length + 2
  const noteAt = ELF_HEADER + segments * ELF_SEGMENT
  const head = elf({ segments })
  head[6] = 0
  let at = noteAt + note.length
  const entry = (kind: number, offset: number, physical: number, stored: number, size: number) => {
    const kinds = Buffer.from(Uint32Array.of(kind, 4).buffer)
    return Buffer.concat([kinds, le64(offset, 0, physical, stored, size, 0)])
  }
  const out = new Out(to)
  out.add(head, entry(4, noteAt, 0, note.length, note.length))
  for (const { physical, size } of memory) {
    out.add(entry(1, at, physical, size, size))
    at += size
  }
  out.add(entry(1, at, 0xfee00000, 0, PAGE), note)
  for (const { size, read } of memory) {
    for (let from = 0; from < size; from += WRITE) out.add(read(from, Math.min(WRITE, size - from)))
  }
  out.close()
}
