/** Damaged images: whatever can be read is shown, what cannot is said, and nothing else ever happens. */

import { rmSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { imageFile, kernel, removeImages } from './image.js'
import { kinds, mutated } from './mutations.js'
import { rows, salvor } from './salvor.js'

/** More with SALVOR_SEEDS=FROM-TO. */
const [from = 0, to = 7] = (process.env.SALVOR_SEEDS ?? '0-7').split('-').map(Number)
const seeds = Array.from({ length: to - from + 1 }, (_, index) => from + index)

afterAll(removeImages)

test.each(seeds.map((seed) => [seed, kinds[seed % kinds.length]] as const))('seed %i: %s', async (seed) => {
  const path = imageFile(mutated(seed, BigInt(kernel.info.kernel_physical)).bytes)
  const run = await salvor(['run', 'all', path, '--format', 'ndjson'])
  const found = rows(run)
  if (run.code === 0) expect(found.length).toBeGreaterThan(0)
  if (run.code === 3 || run.code === 4) expect(found).toEqual([])
  expect(run.lines.length).toBeLessThan(400)
  rmSync(path)
})
