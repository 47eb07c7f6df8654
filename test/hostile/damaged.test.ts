/** Every table of images that are damaged all over: it ends in time, says what it could not read, and gives the rest. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { backend } from '../../dist/src/kernel/backend.js'
import { samples, sharedImages, type TruthImage } from '../truth/images.js'
import { imageFile, limeRanges, PAGE, removeImages } from './image.js'
import { salvor, type Table } from './salvor.js'

/** One page in so many. */
const EVERY = 100
/** The kernel's own code, symbols and types: what is not known of these, all tables lack. */
const KERNEL_BYTES = 0x300_0000n
/** Which of a hundred, where the kernel's own are among them: not its page tables, without which nothing of it is known. */
const OF_ALL = 7
/** Seconds that one table may take. */
const TIMEOUT = 30

afterAll(removeImages)

/** Where each hundredth page lies in a LiME file; those of a kernel at some address left out. */
function hundredths(bytes: Buffer, kernelAt: bigint | null): number[] {
  const pages = limeRanges(bytes).flatMap(({ body, start, length }) =>
    Array.from({ length: Math.floor(length / PAGE) }, (_, index) => ({
      at: body + index * PAGE,
      address: start + BigInt(index * PAGE),
    })),
  )
  const spared = (address: bigint): boolean =>
    kernelAt !== null && address >= kernelAt && address < kernelAt + KERNEL_BYTES
  const which = kernelAt === null ? OF_ALL : 0
  return pages.filter(({ address }, index) => index % EVERY === which && !spared(address)).map(({ at }) => at)
}

const zeroed = (bytes: Buffer, kernelAt: bigint | null): Buffer => {
  for (const at of hundredths(bytes, kernelAt)) bytes.fill(0, at, at + PAGE)
  return bytes
}

const swapped = (bytes: Buffer, kernelAt: bigint | null): Buffer => {
  const places = hundredths(bytes, kernelAt)
  for (let index = 0; index + 1 < places.length; index += 2) {
    const [one = 0, other = 0] = places.slice(index, index + 2)
    const copy = Buffer.from(bytes.subarray(one, one + PAGE))
    bytes.copyWithin(one, other, other + PAGE)
    copy.copy(bytes, other)
  }
  return bytes
}

const DAMAGE: Readonly<Record<string, (bytes: Buffer, kernelAt: bigint) => Buffer>> = {
  'cut off at half': (bytes) => bytes.subarray(0, bytes.length >> 1),
  'every hundredth page zeroed': zeroed,
  'every hundredth page swapped with the next of them': swapped,
  "every hundredth page zeroed, the kernel's own too": (bytes) => zeroed(bytes, null),
  "every hundredth page swapped, the kernel's own too": (bytes) => swapped(bytes, null),
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

    test('what damaged pages of the kernel had is kept of an image of its build', async () => {
      const cache = mkdtempSync(join(tmpdir(), 'salvor-test-'))
      const path = damaged(image, "every hundredth page zeroed, the kernel's own too")
      try {
        const tables = ['processes', 'threads', 'open-files', 'sockets', 'mounts']
        const whole = await salvor(['run', ...tables, image.as('lime'), '-f', 'json'], cache)
        const run = await salvor(['run', ...tables, path, '-f', 'json'], cache)
        expect(run.lines.filter((line) => line.includes('lacks what'))).toEqual([])
        expect(run.lines.join('\n')).toContain('of another image of the same build')
        const found = rowsOf(run.stdout)
        for (const [table, rows] of rowsOf(whole.stdout))
          expect(found.get(table), table).toBeGreaterThanOrEqual(rows / 2)
      } finally {
        rmSync(path)
        rmSync(cache, { recursive: true })
      }
    })

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
      // A type or symbol may be lost that a table cannot be without, which it says.
      const lacks = new Set(run.lines.flatMap((line) => /^salvor: (\S+): kernel .* lacks what/.exec(line)?.[1] ?? []))
      if (how.endsWith('too')) expect(found.size - lacks.size).toBeGreaterThan(10)
      else expect([...lacks]).toEqual([])
      if (!lacks.has('info')) expect(found.get('info')).toBe(1)
      if (how === 'cut off at half') return
      const whole = rowsOf((await salvor(['run', 'processes', 'threads', image.as('lime'), '-f', 'json'])).stdout)
      for (const [table, rows] of whole) {
        if (!lacks.has(table)) expect(found.get(table), table).toBeGreaterThan(rows / 2)
      }
    })
  })
}
