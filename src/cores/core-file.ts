/** A process as a core file: what debuggers open. */

import type { ArtifactWriter } from '../api/artifacts.js'
import { copyMemory } from '../kernel/memory-copy.js'
import { joined } from '../kernel/stretches.js'
import type { Lacking, ProcessMemory, Range, Stretch } from '../kernel/user-memory.js'
import { fileHeader, HEADER, SEGMENT } from './elf-header.js'

const PAGE = 4096
/** ET_CORE, PT_LOAD, PT_NOTE (include/uapi/linux/elf.h). */
const [CORE, LOAD, NOTE] = [4, 1, 4]
/** PN_XNUM: as many segments, and more, are written in another place; no process has as many mappings. */
export const MOST_SEGMENTS = 0xfffe
/** What is missing in one piece and is longer than this is not a hole in the file, but a segment that ends before it. */
const LONG = 1 << 20

/** What is looked at before it is asked whether that is not enough. */
const STEP = 1n << 30n
/** Gaps of one process: one with more was made to have them. */
const MOST_GAPS = 1 << 18

/** A mapping: where it lies, and what may be done there as PF_R, PF_W and PF_X. */
export interface CoreMapping {
  readonly start: bigint
  readonly end: bigint
  readonly flags: number
}

/** A stretch of memory that the file does not have. */
export interface CoreGap {
  readonly address: bigint
  readonly length: number
  readonly why: Lacking
}

/** Part of a mapping, of which so many bytes from its start are in the file. */
interface Segment extends CoreMapping {
  readonly bytes: number
}

export interface CoreContents {
  /** Bytes that are in the file. */
  readonly present: number
  readonly gaps: readonly CoreGap[]
  /** Whether there was more than a core file is made of. */
  readonly capped: boolean
}

/** What is still looked at. */
interface Budget {
  /** Of memory that is there: page tables that lie lead to any number of pages. */
  bytes: number
  gaps: number
}

/** Writes notes and memory, `most` bytes of it. What is not in memory is a hole, or the end of a segment. */
export function writeCore(
  writer: ArtifactWriter,
  memory: ProcessMemory,
  {
    machine,
    mappings,
    notes,
    most,
  }: { machine: number; mappings: readonly CoreMapping[]; notes: Uint8Array; most: number },
): CoreContents {
  const gaps: CoreGap[] = []
  const budget = { bytes: most, gaps: MOST_GAPS }
  const all = mappings.flatMap((mapping) => [...segmentsOf(memory, mapping, gaps, budget)])
  const segments = all.slice(0, MOST_SEGMENTS)
  const tables = HEADER + SEGMENT * (segments.length + 1)
  const head = Buffer.alloc(tables)
  head.set(fileHeader({ type: CORE, machine, segments: segments.length + 1 }))
  head.set(programHeader({ type: NOTE, offset: tables, bytes: notes.length }), HEADER)
  let offset = aligned(tables + notes.length)
  let present = 0
  for (const [index, segment] of segments.entries()) {
    head.set(programHeader({ type: LOAD, offset, ...segment }), HEADER + SEGMENT * (index + 1))
    const range = { start: segment.start, end: segment.start + BigInt(segment.bytes) }
    present += copyMemory(writer, memory, range, { offset, most }).present
    offset += aligned(segment.bytes)
  }
  writer.writeAt(0, head)
  writer.writeAt(tables, notes)
  return { present, gaps, capped: all.length > segments.length || budget.bytes <= 0 || budget.gaps <= 0 }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE
}

interface ProgramHeader extends Partial<CoreMapping> {
  readonly type: number
  readonly offset: number
  readonly bytes: number
}

function programHeader({ type, offset, bytes, start = 0n, end = 0n, flags = 0 }: ProgramHeader): Buffer {
  const header = Buffer.alloc(SEGMENT)
  header.writeUInt32LE(type, 0)
  header.writeUInt32LE(flags, 4)
  header.writeBigUInt64LE(BigInt(offset), 8)
  header.writeBigUInt64LE(start, 16)
  header.writeBigUInt64LE(BigInt(bytes), 32)
  header.writeBigUInt64LE(end - start, 40)
  header.writeBigUInt64LE(BigInt(type === LOAD ? PAGE : 4), 48)
  return header
}

/** One for a mapping, and one more behind each long gap. */
function* segmentsOf(
  memory: ProcessMemory,
  { start, end, flags }: CoreMapping,
  gaps: CoreGap[],
  budget: Budget,
): Generator<Segment> {
  let [from, written] = [start, start]
  for (const { address, length, state } of joined(stretchesOf(memory, { start, end }, budget))) {
    const next = address + BigInt(length)
    if (state === 'present') written = next
    else {
      gaps.push({ address, length, why: state })
      if (length < LONG || next === end) continue
      yield { start: from, end: next, flags, bytes: Number(written - from) }
      from = next
      written = next
    }
  }
  yield { start: from, end, flags, bytes: Number(written - from) }
}

/** What there is, as long as there is room for it. */
function* stretchesOf(memory: ProcessMemory, { start, end }: Range, budget: Budget): Generator<Stretch> {
  for (let from = start; from < end && budget.bytes > 0; from += STEP) {
    for (const stretch of memory.pages({ start: from, end: from + STEP < end ? from + STEP : end })) {
      if (budget.gaps <= 0) return
      if (stretch.state === 'present') budget.bytes -= stretch.length
      else budget.gaps--
      yield stretch
    }
  }
}
