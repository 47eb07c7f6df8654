/** A kernel module as an ELF file: its memory in sections, where it lies, with its symbols. */

import type { ArtifactWriter } from '../api/artifacts.js'
import type { Kernel } from '../kernel/kernel.js'
import type { Area } from '../kernel/module-areas.js'
import type { ModuleSection, ModuleSymbol } from '../kernel/module-sections.js'
import { bytes } from '../kernel/query.js'
import { fileHeader, HEADER, SECTION } from './elf-header.js'
import { MACHINES } from './notes.js'

/** ET_EXEC: what lies at addresses that are its own (include/uapi/linux/elf.h). */
const EXECUTABLE = 2
const SYMBOL = 24
/** SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOTE; SHF_ALLOC, SHF_WRITE, SHF_EXECINSTR. */
const [CONTENTS, SYMBOLS, STRINGS, NOTE] = [1, 2, 3, 7]
const [LOADED, WRITABLE, CODE] = [2, 1, 4]
/** STB_GLOBAL with STT_OBJECT and STT_FUNC; SHN_ABS. */
const [OBJECT, FUNCTION] = [0x11, 0x12]
const NO_SECTION = 0xfff1
/** Where code is, by what compilers and the kernel call its sections. */
const HOLDS_CODE = /^\.(?:init\.|exit\.|noinstr\.|ref\.|static_call\.|plt|altinstr_replacement)?text|^\.(?:plt|fixup)/
const PAGE = 4096
/** Of all modules together, the largest of graphics drivers included. */
const MOST = 256 << 20

/** Bytes of a module by whether they are in the file. */
export interface Written {
  present: number
  missing: number
}

/** Writes sections with their memory, then symbols and names. What cannot be read is a hole. */
export function writeModule(
  kernel: Kernel,
  writer: ArtifactWriter,
  sections: readonly ModuleSection[],
  symbols: readonly ModuleSymbol[],
): Written {
  const written: Written = { present: 0, missing: 0 }
  const names = new Strings()
  const headers: Buffer[] = [Buffer.alloc(SECTION)]
  let offset = HEADER
  for (const section of sections) {
    offset = aligned(offset, 16)
    const size = Number(section.end - section.start)
    const flags = LOADED | (HOLDS_CODE.test(section.name) ? CODE : WRITABLE)
    headers.push(
      sectionHeader({
        name: names.add(section.name),
        type: section.name.startsWith('.note') ? NOTE : CONTENTS,
        flags,
        address: section.start,
        offset,
        size,
      }),
    )
    copySection(kernel, writer, section, offset, written)
    offset += size
  }
  const strings = new Strings()
  const table = symbolTable(sections, symbols, strings)
  const strtab = headers.length + 1
  for (const [name, type, content, more] of [
    ['.symtab', SYMBOLS, table, { link: strtab, info: 1, entry: SYMBOL }],
    ['.strtab', STRINGS, strings.bytes(), {}],
  ] as const) {
    offset = aligned(offset, 8)
    headers.push(sectionHeader({ name: names.add(name), type, offset, size: content.length, ...more }))
    writer.writeAt(offset, content)
    offset += content.length
  }
  const own = names.add('.shstrtab')
  const last = names.bytes()
  headers.push(sectionHeader({ name: own, type: STRINGS, offset, size: last.length }))
  writer.writeAt(offset, last)
  const tableAt = aligned(offset + last.length, 8)
  writer.writeAt(tableAt, Buffer.concat(headers))
  const machine = MACHINES[kernel.info.architecture]?.number ?? 0
  writer.writeAt(0, fileHeader({ type: EXECUTABLE, machine, sections: { at: tableAt, count: headers.length } }))
  return written
}

function aligned(offset: number, to: number): number {
  return Math.ceil(offset / to) * to
}

/** Page by page, for any may be missing. */
function copySection(
  kernel: Kernel,
  writer: ArtifactWriter,
  { start, end }: Area,
  offset: number,
  written: Written,
): void {
  const length = kernel.capped('bytes of a module', Number(end - start), MOST)
  const starts: bigint[] = []
  for (let at = start; at < start + BigInt(length); at = (at / BigInt(PAGE) + 1n) * BigInt(PAGE)) starts.push(at)
  for (const [index, at] of starts.entries()) {
    const size = Number((starts[index + 1] ?? start + BigInt(length)) - at)
    const part = kernel
      .unheard()
      .at([at], 'char')
      .select({ part: bytes('', { length: size }) })
      .column('part')
      .bytes(0)
    written[part === null ? 'missing' : 'present'] += size
    if (part !== null) writer.writeAt(offset + Number(at - start), part)
  }
}

function symbolTable(sections: readonly ModuleSection[], symbols: readonly ModuleSymbol[], strings: Strings): Buffer {
  const table = Buffer.alloc((symbols.length + 1) * SYMBOL)
  for (const [index, { name, value, size }] of symbols.entries()) {
    const at = (index + 1) * SYMBOL
    const place = sections.findIndex(({ start, end }) => value >= start && value < end)
    const isCode = HOLDS_CODE.test(sections[place]?.name ?? '')
    table.writeUInt32LE(strings.add(name), at)
    table.writeUInt8(isCode ? FUNCTION : OBJECT, at + 4)
    table.writeUInt16LE(place < 0 ? NO_SECTION : place + 1, at + 6)
    table.writeBigUInt64LE(value, at + 8)
    table.writeBigUInt64LE(size, at + 16)
  }
  return table
}

interface SectionHeader {
  readonly name: number
  readonly type: number
  readonly flags?: number
  readonly address?: bigint
  readonly offset: number
  readonly size: number
  readonly link?: number
  readonly info?: number
  readonly entry?: number
}

/** An Elf64_Shdr. */
function sectionHeader({
  name,
  type,
  flags = 0,
  address = 0n,
  offset,
  size,
  link = 0,
  info = 0,
  entry = 0,
}: SectionHeader) {
  const header = Buffer.alloc(SECTION)
  header.writeUInt32LE(name, 0)
  header.writeUInt32LE(type, 4)
  header.writeBigUInt64LE(BigInt(flags), 8)
  header.writeBigUInt64LE(address, 16)
  header.writeBigUInt64LE(BigInt(offset), 24)
  header.writeBigUInt64LE(BigInt(size), 32)
  header.writeUInt32LE(link, 40)
  header.writeUInt32LE(info, 44)
  header.writeBigUInt64LE(1n, 48)
  header.writeBigUInt64LE(BigInt(entry), 56)
  return header
}

/** A table of strings, the first of which is empty. */
class Strings {
  readonly #parts: Buffer[] = [Buffer.alloc(1)]
  #length = 1

  /** Where the string is that was put in. */
  add(text: string): number {
    const at = this.#length
    const part = Buffer.from(`${text.replaceAll('\0', '')}\0`)
    this.#parts.push(part)
    this.#length += part.length
    return at
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }
}
