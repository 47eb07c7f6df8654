/** An ELF file, put together again from what of it is loaded. */

import type { ArtifactWriter } from '../api/artifacts.js'
import { HEADER, unrelocated, withoutSections } from '../kernel/elf.js'
import type { ElfFile } from '../kernel/elf-files.js'
import type { Kernel } from '../kernel/kernel.js'
import { type Copied, copyMemory } from '../kernel/memory-copy.js'

/** Bytes of one file, and where the last of its segments may begin in it: no program is larger. */
const MOST = 4 * 2 ** 30

/** Of a dynamic section, which has some dozens of entries. */
const LONGEST_DYNAMIC = 1n << 16n

/** Writes segments where the file has them, and a header that names no sections. */
export function dumpElf(kernel: Kernel, writer: ArtifactWriter, elf: ElfFile): Copied {
  const { start, header, segments, memory } = elf
  const sum: Copied = { present: 0, absent: 0, missing: 0, more: 0 }
  // What the header is loaded with tells how far all is from where its program would put it.
  const first = segments.find(({ offset }) => offset === 0n)
  if (start === null || first === undefined) return sum
  for (const { address, offset, bytes } of segments) {
    const from = BigInt.asUintN(64, start + address - first.address)
    const to = from + bytes
    if (offset + bytes > BigInt(MOST)) {
      kernel.warn({ code: 'cap', message: 'segments lie further behind than in any program', count: 1 })
      continue
    }
    const copied = copyMemory(writer, memory, { start: from, end: to }, { offset: Number(offset), most: MOST })
    for (const key of ['present', 'absent', 'missing', 'more'] as const) sum[key] += copied[key]
  }
  if (sum.present > 0) writeDynamic(writer, elf, BigInt.asUintN(64, start - first.address))
  const own = sum.present === 0 ? null : memory.readWhole(start, HEADER)
  if (own !== null) {
    writer.writeAt(0, withoutSections(header, new Uint8Array(own.buffer, own.byteOffset, own.byteLength)))
  }
  return sum
}

/** A loader writes addresses into the dynamic section, by which no reader of files finds anything. */
function writeDynamic(writer: ArtifactWriter, { header, dynamic, memory, size }: ElfFile, distance: bigint): void {
  if (dynamic === null || size === null || distance === 0n || dynamic.bytes > LONGEST_DYNAMIC) return
  const section = memory.readWhole(BigInt.asUintN(64, distance + dynamic.address), Number(dynamic.bytes))
  if (section === null || dynamic.offset > BigInt(MOST)) return
  const bytes = new Uint8Array(section.buffer, section.byteOffset, section.byteLength)
  writer.writeAt(Number(dynamic.offset), unrelocated(header, bytes, distance, size))
}
