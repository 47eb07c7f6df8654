import { expect, test } from 'vitest'
import type { Columns } from '../../dist/src/api/columns.js'
import { type Batch, Rows } from '../../dist/src/api/table.js'
import { RowBuffer } from '../../dist/src/engine/buffer.js'

const columns: Columns = { n: { type: 'count', description: 'How many' }, t: { type: 'text', description: 'What' } }

test('rows become columns, in order, and what a row does not say is null', async () => {
  const batches: Batch[] = []
  const buffer = new RowBuffer(columns, async (batch) => void batches.push(batch))
  await buffer.add({ n: 1, t: 'a' })
  await buffer.add([{ n: 2 }, { t: 'c', n: 3, more: 1 }])
  await buffer.add(new Rows(1, { n: new BigUint64Array([4n]) }))
  await buffer.end()
  expect(batches).toEqual([
    { length: 3, columns: { n: [1, 2, 3], t: ['a', null, 'c'] } },
    { length: 1, columns: { n: new BigUint64Array([4n]), t: [null] } },
  ])
})

test('a worker stops while its reader has not caught up', async () => {
  const waiting: (() => void)[] = []
  const buffer = new RowBuffer(columns, () => new Promise((resolve) => waiting.push(resolve)))
  let added = 0
  const adding = (async () => {
    for (let index = 0; index < 50_000; index++) {
      await buffer.add({ n: index, t: null })
      added++
    }
  })()
  await new Promise((resolve) => setTimeout(resolve, 100))
  const stopped = added
  expect(waiting).toHaveLength(2)
  expect(stopped).toBeLessThan(10_000)
  waiting.shift()?.()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(added).toBeGreaterThan(stopped)
  expect(added).toBeLessThan(stopped + 10_000)
  const open = setInterval(() => waiting.shift()?.(), 1)
  await adding
  await buffer.end()
  clearInterval(open)
  expect(added).toBe(50_000)
})

test('something that is no row is refused', async () => {
  const buffer = new RowBuffer(columns, async () => {})
  await expect(buffer.add(7)).rejects.toThrow('yielded 7, which is not a row')
})
