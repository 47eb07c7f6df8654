/** ELF headers (include/uapi/linux/elf.h), of 32 and 64 bits, as little-endian processors have them. */

const MAGIC = 0x464c457f
/** EI_CLASS: 1 for 32 bits, 2 for 64; EI_DATA: 1 for little-endian. */
const [CLASS, DATA] = [4, 5]
/** ET_NONE to ET_CORE. */
const TYPES = ['none', 'relocatable', 'executable', 'shared object', 'core']
/** EM_ numbers of what runs Linux, and of BPF's objects (include/uapi/linux/elf-em.h). */
const MACHINES: Readonly<Record<number, string>> = {
  3: 'i386',
  8: 'mips',
  21: 'ppc64',
  22: 's390',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv',
  247: 'bpf',
  258: 'loongarch',
}
/** PT_LOAD and PT_DYNAMIC. */
const KINDS = { loaded: 1, dynamic: 2 }
/** Bytes of the header of 64 bits, which is the longer one. */
export const HEADER = 64
/** A file has a dozen segments. */
const MOST_SEGMENTS = 512

export interface ElfHeader {
  readonly bits: 32 | 64
  readonly type: string
  readonly machine: string
  readonly entry: bigint
  /** Where its table of segments lies, from the file's start, and how long it is. */
  readonly segmentsAt: bigint
  readonly segmentsLength: number
  /** How many sections it has, which no program needs to run; null where that stands in the first of them. */
  readonly sections: number | null
}

/** A header in the first bytes of a file; null where there is none. */
export function elfHeader(view: DataView): ElfHeader | null {
  if (view.byteLength < HEADER || view.getUint32(0, true) !== MAGIC || view.getUint8(DATA) !== 1) return null
  const kind = view.getUint8(CLASS)
  if (kind !== 1 && kind !== 2) return null
  const wide = kind === 2
  const word = (at: number) => (wide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true)))
  const [size, count] = [view.getUint16(wide ? 54 : 42, true), view.getUint16(wide ? 56 : 44, true)]
  const [type, machine] = [view.getUint16(16, true), view.getUint16(18, true)]
  // What nothing would load is no header, but a pattern for one: the dynamic loader has some.
  if (type === 0 || machine === 0) return null
  return {
    bits: wide ? 64 : 32,
    type: TYPES[type] ?? String(type),
    machine: MACHINES[machine] ?? String(machine),
    entry: word(24),
    segmentsAt: word(wide ? 32 : 28),
    segmentsLength: size === (wide ? 56 : 32) && count <= MOST_SEGMENTS ? size * count : 0,
    sections: sectionsOf(view.getUint16(wide ? 60 : 48, true), word(wide ? 40 : 32)),
  }
}

/** From SHN_LORESERVE on e_shnum is 0, and the table is there all the same (elf(5)). */
function sectionsOf(count: number, table: bigint): number | null {
  return count === 0 && table !== 0n ? null : count
}

/** A segment: where its program puts it, and where its bytes lie in the file. */
export interface ElfSegment {
  readonly address: bigint
  readonly length: bigint
  readonly offset: bigint
  readonly bytes: bigint
}

/** The segments of a kind, of a table of segments: what is loaded, and what of that is for the dynamic loader. */
export function segmentsOf({ bits }: ElfHeader, table: DataView, kind: keyof typeof KINDS): ElfSegment[] {
  const wide = bits === 64
  const word = (at: number) => (wide ? table.getBigUint64(at, true) : BigInt(table.getUint32(at, true)))
  const segments: ElfSegment[] = []
  for (let at = 0; at < table.byteLength; at += wide ? 56 : 32) {
    if (table.getUint32(at, true) !== KINDS[kind]) continue
    const [offset, address] = [word(at + (wide ? 8 : 4)), word(at + (wide ? 16 : 8))]
    const [bytes, length] = [word(at + (wide ? 32 : 16)), word(at + (wide ? 40 : 20))]
    segments.push({ address, length, offset, bytes })
  }
  return segments
}

/** Bytes from the first of some segments to the end of the last; null where there are none. */
export function loadedSize(segments: readonly ElfSegment[]): bigint | null {
  let [first, last] = [null as bigint | null, 0n]
  for (const { address, length } of segments) {
    if (first === null || address < first) first = address
    if (address + length > last) last = address + length
  }
  return first === null ? null : last - first
}

/** Writes in a header that the file has no sections: their table is loaded by no program. */
export function withoutSections({ bits }: ElfHeader, header: Uint8Array): Uint8Array {
  const [table, counts] = bits === 64 ? [40, 58] : [32, 46]
  const changed = header.slice()
  changed.fill(0, table, table + bits / 8)
  changed.fill(0, counts, counts + 6)
  return changed
}

/**
 * The dynamic section as it was before a loader put addresses of memory into it, of a file that is loaded so far from where
 * its program would put it.
 */
export function unrelocated({ bits }: ElfHeader, section: Uint8Array, distance: bigint, size: bigint): Uint8Array {
  const changed = section.slice()
  const words = new DataView(changed.buffer)
  const width = bits / 8
  // Each entry is a number that says what it is, and a value.
  for (let at = width; at + width <= words.byteLength; at += 2 * width) {
    const value = bits === 64 ? words.getBigUint64(at, true) : BigInt(words.getUint32(at, true))
    if (value < distance || value >= distance + size) continue
    if (bits === 64) words.setBigUint64(at, value - distance, true)
    else words.setUint32(at, Number(value - distance), true)
  }
  return changed
}
