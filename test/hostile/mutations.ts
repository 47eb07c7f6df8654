/** Seeded damage to the embedded sample. The same seed makes the same image. */

import { PAGE, ranges, whole } from './image.js'

type Random = (below: number) => number

/** Mulberry32: small, and the same everywhere. */
function generator(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

// Without the kernel's own symbols and types there is no table to be wrong: most seeds leave these alone.
const KERNEL_BYTES = 0x300_0000n

const pages = ranges.flatMap(({ body, length }) =>
  Array.from({ length: Math.floor(length / PAGE) }, (_, index) => body + index * PAGE),
)

function outside(start: bigint): number[] {
  return ranges
    .filter((range) => range.start + BigInt(range.length) <= start || range.start >= start + KERNEL_BYTES)
    .flatMap(({ body, length }) => Array.from({ length: Math.floor(length / PAGE) }, (_, index) => body + index * PAGE))
}

/** Places of words that look like pointers into the kernel's half. */
function pointersIn(among: readonly number[]): number[] {
  const found: number[] = []
  for (const page of among) {
    for (let at = page; at < page + PAGE; at += 8) {
      if (whole.readUInt16LE(at + 6) === 0xffff && whole.readUInt32LE(at + 4) !== 0xffff_ffff) found.push(at)
    }
  }
  return found
}

const strange = [0n, 1n, 3n, 2n ** 31n, 2n ** 62n, 2n ** 63n, 2n ** 64n - 1n, 0x7fff_ffff_ffffn, 0xffff_8880_0000_0000n]

export const kinds = [
  'flipped bytes',
  'zeroed pages',
  'swapped pages',
  'redirected pointers',
  'shifted pointers',
  'strange words',
  'cut off',
  'changed headers',
] as const

/** An image damaged as the seed says. `kernelAt` is where the kernel lies; it is spared by most seeds. */
export function mutated(seed: number, kernelAt: bigint): { kind: (typeof kinds)[number]; bytes: Uint8Array } {
  const random = generator(seed)
  const bytes = Buffer.from(whole)
  const kind = kinds[seed % kinds.length] ?? 'flipped bytes'
  const among = seed % 5 === 4 ? pages : outside(kernelAt)
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T
  const times = (most: number, change: () => void): void => {
    for (let left = 1 << random(most); left > 0; left--) change()
  }
  switch (kind) {
    case 'flipped bytes':
      times(15, () => {
        bytes[pick(among) + random(PAGE)] = random(256)
      })
      break
    case 'zeroed pages':
      times(9, () => {
        const page = pick(among)
        bytes.fill(0, page, page + PAGE)
      })
      break
    case 'swapped pages':
      times(8, () => {
        const [one, other] = [pick(among), pick(among)]
        const copy = Buffer.from(bytes.subarray(one, one + PAGE))
        bytes.copyWithin(one, other, other + PAGE)
        copy.copy(bytes, other)
      })
      break
    case 'redirected pointers':
    case 'shifted pointers': {
      const pointers = pointersIn(among)
      const nearby = kind === 'shifted pointers'
      times(14, () => {
        const at = pick(pointers)
        const target = whole.readBigUInt64LE(nearby ? at : pick(pointers))
        bytes.writeBigUInt64LE(BigInt.asUintN(64, target + (nearby ? BigInt(8 * (random(65) - 32)) : 0n)), at)
      })
      break
    }
    case 'strange words':
      times(13, () => bytes.writeBigUInt64LE(pick(strange), pick(among) + 8 * random(PAGE / 8)))
      break
    case 'cut off':
      return { kind, bytes: bytes.subarray(0, random(bytes.length)) }
    case 'changed headers':
      times(3, () => {
        const { header, start } = pick(ranges)
        const values = [0n, start, start + BigInt(PAGE), BigInt(random(2 ** 31)) * BigInt(PAGE), ...strange]
        bytes.writeBigUInt64LE(pick(values), header + pick([8, 16]))
      })
      break
  }
  return { kind, bytes }
}
