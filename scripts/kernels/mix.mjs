// A torn image out of two of one guest: most pages of the first, some of the second.
import { closeSync, copyFileSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'

const PAGE = 4096
const BLOCK = 256 * PAGE
const PT_LOAD = 1

/** Where the ELF cores' memory lies in the file: `{ offset, size }` of each segment. */
function segments(file) {
  const head = Buffer.alloc(64)
  readSync(file, head, 0, 64, 0)
  const [offset, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)]
  const table = Buffer.alloc(size * count)
  readSync(file, table, 0, table.length, offset)
  return Array.from({ length: count }, (_, at) => table.subarray(at * size, (at + 1) * size))
    .filter((each) => each.readUInt32LE(0) === PT_LOAD)
    .map((each) => ({
      offset: Number(each.readBigUInt64LE(8)),
      physical: each.readBigUInt64LE(24),
      size: Number(each.readBigUInt64LE(32)),
    }))
}

/** Numbers that are the same in every run: xorshift with a fixed seed. */
function chance(percent) {
  let state = 0x2545f491
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % 100 < percent
  }
}

/** Writes at `out` the first image with so many of a hundred pages of the second. */
export function mixDumps(first, second, out, percent) {
  copyFileSync(first, out)
  const [from, to] = [openSync(second, 'r'), openSync(out, 'r+')]
  try {
    const [theirs, ours] = [segments(from), segments(to)]
    if (JSON.stringify(theirs, text) !== JSON.stringify(ours, text))
      throw new Error('the two images are not of one guest')
    const isOther = chance(percent)
    const block = Buffer.alloc(BLOCK)
    for (const { offset, size } of ours) {
      for (let at = 0; at < size; at += BLOCK) {
        const length = readSync(from, block, 0, Math.min(BLOCK, size - at), offset + at)
        for (let page = 0; page < length; page += PAGE) {
          if (isOther()) writeSync(to, block, page, Math.min(PAGE, length - page), offset + at + page)
        }
      }
    }
    if (fstatSync(to).size !== fstatSync(from).size) throw new Error('the two images differ in size')
  } finally {
    closeSync(from)
    closeSync(to)
  }
}

const text = (_, value) => (typeof value === 'bigint' ? String(value) : value)
