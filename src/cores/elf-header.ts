/** Elf64_Ehdr of files that are written (include/uapi/linux/elf.h). */

export const HEADER = 64
export const SEGMENT = 56
export const SECTION = 64

/** The tables of an ELF file that lie behind its header; segments right behind it. */
interface Tables {
  readonly type: number
  readonly machine: number
  readonly segments?: number
  /** Sections, of which the last has the names of all. */
  readonly sections?: { readonly at: number; readonly count: number }
}

/** The header of a little-endian file of 64 bits. */
export function fileHeader({ type, machine, segments = 0, sections }: Tables): Buffer {
  const header = Buffer.alloc(HEADER)
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  header.writeUInt16LE(type, 16)
  header.writeUInt16LE(machine, 18)
  header.writeUInt32LE(1, 20)
  header.writeUInt16LE(HEADER, 52)
  if (segments > 0) {
    header.writeBigUInt64LE(BigInt(HEADER), 32)
    header.writeUInt16LE(SEGMENT, 54)
    header.writeUInt16LE(segments, 56)
  }
  if (sections !== undefined) {
    header.writeBigUInt64LE(BigInt(sections.at), 40)
    header.writeUInt16LE(SECTION, 58)
    header.writeUInt16LE(sections.count, 60)
    header.writeUInt16LE(sections.count - 1, 62)
  }
  return header
}
