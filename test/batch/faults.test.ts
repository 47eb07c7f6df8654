/** Batches that are killed: SALVOR_FAULT_IMAGES and SALVOR_FAULT_KILLS say how many, SALVOR_FAULT_SEED when. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeImages } from './images.js'
import { childrenOf, expectAlike, random, startSalvor } from './run.js'

const IMAGES = Number(process.env.SALVOR_FAULT_IMAGES ?? 8)
const KILLS = Number(process.env.SALVOR_FAULT_KILLS ?? 6)
const SEED = Number(process.env.SALVOR_FAULT_SEED ?? Date.now() % 1e9)
/** Milliseconds between kills, at most. */
const LONGEST = 1200

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-faults-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function batch(images: string, into: string) {
  const args = ['processes', 'namespaces', images, '--case', into, '--workers', '2', '--quiet']
  return startSalvor(['batch', ...args])
}

/** Runs a batch over and over, killing it or one of its children, until it was killed often enough. Answers how often. */
async function disturbed(images: string, into: string, next: () => number): Promise<number> {
  let kills = 0
  while (kills < KILLS) {
    const running = batch(images, into)
    let over = false
    void running.ended.then(() => {
      over = true
    })
    while (!over && kills < KILLS) {
      await new Promise((resolve) => setTimeout(resolve, next() * LONGEST))
      const children = childrenOf(running.pid)
      const child = next() < 0.5 ? children[Math.floor(next() * children.length)] : undefined
      if (over) break
      process.kill(child ?? running.pid, 'SIGKILL')
      kills++
      if (child === undefined) break
    }
    await running.ended
    // Nothing is left to kill: it begins anew.
    if (over && kills < KILLS) rmSync(into, { recursive: true, force: true })
  }
  return kills
}

test(`${IMAGES} images, killed ${KILLS} times: each has one result, as if nothing had happened`, async () => {
  const images = join(folder, 'images')
  const names = makeImages(images, IMAGES)
  const [calm, stormy] = [join(folder, 'calm'), join(folder, 'stormy')]
  const undisturbed = await batch(images, calm).ended
  expect(undisturbed.code, undisturbed.stderr).toBe(3)

  expect(await disturbed(images, stormy, random(SEED)), `seed ${SEED}`).toBe(KILLS)
  // A job whose process was killed twice is left for the next run.
  const ends = []
  for (let tries = 0; tries < 3 && ends.at(-1) !== 3; tries++) ends.push((await batch(images, stormy).ended).code)
  expect(ends.at(-1), `seed ${SEED}`).toBe(3)

  await expectAlike(stormy, calm, names.length, SEED)
}, 3_600_000)
