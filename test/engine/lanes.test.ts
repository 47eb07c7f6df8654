import { expect, test } from 'vitest'
import { type Lane, Lanes } from '../../dist/src/engine/lanes.js'

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Runs work of these lengths and tells on which lane each ran. */
async function placesOf(lanes: Lanes, lengths: readonly number[]): Promise<number[]> {
  const work = lengths.map((length) =>
    lanes.run(async (lane: Lane) => {
      await pause(length)
      return lanes.all.indexOf(lane)
    }),
  )
  return Promise.all(work)
}

test('short work shares one lane, in order', async () => {
  const lanes = new Lanes(4)
  const order: number[] = []
  await Promise.all([1, 2, 3].map((n) => lanes.run(async () => void order.push(n))))
  expect(order).toEqual([1, 2, 3])
  expect(await placesOf(lanes, [5, 5, 5])).toEqual([0, 0, 0])
  expect(lanes.all).toHaveLength(1)
})

test('what waits for long work gets lanes of its own, as many as there may be', async () => {
  const lanes = new Lanes(3)
  const places = await placesOf(lanes, [600, 600, 600, 5])
  expect(new Set(places.slice(0, 3))).toEqual(new Set([0, 1, 2]))
  expect(lanes.all).toHaveLength(3)
})

test('work that fails gives its lane back', async () => {
  const lanes = new Lanes(1)
  await expect(
    lanes.run(() => {
      throw new Error('it broke')
    }),
  ).rejects.toThrow('it broke')
  expect(await lanes.run(async () => 'next')).toBe('next')
})
