/** A larger image of one that is there: what a machine with more memory would leave, for what goes over all of it. */

import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { measure, SALVOR } from './measure.js'

/** Of a LiME range: magic, version, first and last address, and 8 bytes that are kept. */
const HEADER = 32
const PART = 16 << 20
/** How far the memory of each copy lies behind that of the one before. */
const DISTANCE = 1n << 36n

/** Writes an image's memory so many times, each at addresses of its own, as LiME; answers the file. */
export function enlarged(image: string, copies: number, folder: string): string {
  const file = join(folder, 'large.lime')
  const { code } = measure([...SALVOR, 'convert', image, file, '-q'])
  if (code !== 0) throw new Error(`${image} could not be converted to LiME`)
  const descriptor = openSync(file, 'r+')
  try {
    const ranges = rangesOf(descriptor)
    let end = ranges.reduce((sum, { length }) => sum + HEADER + length, 0)
    for (let copy = 1; copy < copies; copy++) {
      for (const { at, length } of ranges) end = append(descriptor, { at, length, end, by: BigInt(copy) * DISTANCE })
    }
  } finally {
    closeSync(descriptor)
  }
  return file
}

interface Range {
  /** Where its header lies. */
  readonly at: number
  readonly length: number
}

function rangesOf(descriptor: number): Range[] {
  const ranges: Range[] = []
  const header = Buffer.alloc(HEADER)
  for (let at = 0; readSync(descriptor, header, 0, HEADER, at) === HEADER; ) {
    const length = Number(header.readBigUInt64LE(16) - header.readBigUInt64LE(8)) + 1
    ranges.push({ at, length })
    at += HEADER + length
  }
  return ranges
}

/** Writes a range once more, to the end of the file; answers where that is then. */
function append(descriptor: number, { at, length, end, by }: Range & { end: number; by: bigint }): number {
  const part = Buffer.alloc(PART)
  for (let done = 0; done < HEADER + length; ) {
    const read = readSync(descriptor, part, 0, Math.min(PART, HEADER + length - done), at + done)
    if (done === 0) for (const place of [8, 16]) part.writeBigUInt64LE(part.readBigUInt64LE(place) + by, place)
    writeSync(descriptor, part, 0, read, end + done)
    done += read
  }
  return end + HEADER + length
}
