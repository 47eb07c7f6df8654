/** Every table of images that are damaged all over: it ends in time, says what it could not read, and gives the rest. */

import { readFileSync, rmSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { backend } from '../../dist/src/kernel/backend.js'
import { samples, sharedImages, type TruthImage } from '../truth/images.js'
import { imageFile, limeRanges, PAGE, removeImages } from './image.js'
import { salvor, type Table } from './salvor.js'

/** One page in so many. */
const EVERY = 100
/** The kernel's own code and types: without them there is no table to be wrong. */
const KERNEL_BYTES = 0x300_0000n
/** Seconds that one table may take. */
const TIMEOUT = 30

afterAll(removeImages)

/** Where each hundredth page lies in a LiME file, the kernel's own left out. */
function hundredths(bytes: Buffer, kernelAt: bigint): number[] {
  const pages = limeRanges(bytes).flatMap(({ body, start, length }) =>
    Array.from({ length: Math.floor(length / PAGE) }, (_, index) => ({
      at: body + index * PAGE,
      address: start + BigInt(index * PAGE),
    })),
  )
  const spared = (address: bigint): boolean => address >= kernelAt && address < kernelAt + KERNEL_BYTES
  return pages.filter(({ address }, index) => index % EVERY === 0 && !spared(address)).map(({ at }) => at)
}

const DAMAGE: Readonly<Record<string, (bytes: Buffer, kernelAt: bigint) => Buffer>> = {
  'cut off at half': (bytes) => bytes.subarray(0, bytes.length >> 1),
  'every hundredth page zeroed': (bytes, kernelAt) => {
    for (const at of hundredths(bytes, kernelAt)) bytes.fill(0, at, at + PAGE)
    return bytes
  },
  'every hundredth page swapped with the next of them': (bytes, kernelAt) => {
    const places = hundredths(bytes, kernelAt)
    for (let index = 0; index + 1 < places.length; index += 2) {
      const [one = 0, other = 0] = places.slice(index, index + 2)
      const copy = Buffer.from(bytes.subarray(one, one + PAGE))
      bytes.copyWithin(one, other, other + PAGE)
      copy.copy(bytes, other)
    }
    return bytes
  },
}

function kernelOf(path: string): bigint {
  const { id, info } = backend.open(path, { cacheDir: null })
  backend.close(id)
  return BigInt(info.kernel_physical)
}

function damaged(image: TruthImage, how: string): string {
  const path = image.as('lime')
  return imageFile(DAMAGE[how]?.(readFileSync(path), kernelOf(path)) ?? Buffer.alloc(0))
}

function rowsOf(stdout: string): Map<string, number> {
  if (stdout === '') return new Map()
  return new Map((JSON.parse(stdout) as Table[]).map(({ table, rows }) => [table, rows.length]))
}

for (const image of [...samples(), ...sharedImages()]) {
  describe(image.title, () => {
    image.require()

    test.each(Object.keys(DAMAGE))('%s', async (how) => {
      const path = damaged(image, how)
      const run = await salvor(['run', 'all', path, '--timeout', String(TIMEOUT), '--format', 'json'])
      rmSync(path)
      expect(run.lines.filter((line) => /longer than|more than .* MiB|internal/i.test(line))).toEqual([])
      // A file that is cut off may lack the kernel itself.
      if (run.code === 3 || run.code === 4) {
        expect(how).toBe('cut off at half')
        return
      }
      expect(run.code).not.toBe(0)
      const found = rowsOf(run.stdout)
      expect(found.get('info')).toBe(1)
      if (how === 'cut off at half') return
      const whole = rowsOf((await salvor(['run', 'processes', 'threads', image.as('lime'), '-f', 'json'])).stdout)
      for (const [table, rows] of whole) expect(found.get(table), table).toBeGreaterThan(rows / 2)
    })
  })
}
