/** Memory of a process into a file. */

import type { ArtifactWriter } from '../api/artifacts.js'
import type { ProcessMemory, Range } from './user-memory.js'

/** Bytes of a stretch of memory by what there was of them. */
export interface Copied {
  present: number
  /** Never touched, or not mapped from a file. */
  absent: number
  /** Swapped out, left out of the image, or unreadable. */
  missing: number
  /** Not looked at: there was more than was wanted. */
  more: number
}

/**
 * Writes what there is of a stretch, from an offset of the file on; the rest is holes. Of what there is, `most` bytes: page
 * tables that lie lead to any number of them.
 */
export function copyMemory(
  writer: ArtifactWriter,
  memory: ProcessMemory,
  { start, end }: Range,
  { offset, most }: { offset: number; most: number },
): Copied {
  const copied: Copied = { present: 0, absent: 0, missing: 0, more: 0 }
  if (end <= start) return copied
  for (const piece of memory.read(start, Number(end - start))) {
    if ('missing' in piece) copied[piece.missing === 'absent' ? 'absent' : 'missing'] += piece.length
    else {
      writer.writeAt(offset + Number(piece.address - start), piece.bytes)
      copied.present += piece.length
    }
    if (copied.present <= most) continue
    copied.more = Number(end - piece.address) - piece.length
    break
  }
  return copied
}

/** Pages beyond those of the image: as many as may share one with others. */
const MORE_PAGES = 1 << 20
const PAGE = 4096

/** The most that there is of any process's memory: pages may be mapped more than once, but not each of them. */
export function mostMemory(kernel: { readonly pages: number }): number {
  return (kernel.pages + MORE_PAGES) * PAGE
}
