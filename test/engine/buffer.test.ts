import { expect, test } from 'vitest'
import type { Columns } from '../../dist/src/api/columns.js'
import { type Batch, Rows } from '../../dist/src/api/table.js'
import { RowBuffer } from '../../dist/src/engine/buffer.js'

const columns: Columns = { n: { type: 'count', description: 'How many' }, t: { type: 'text', description: 'What' } }

test('rows become columns, in order, and what a row does not say is null', async () => {
  const batches: Batch[] = []
  const buffer = new RowBuffer(columns, async (batch) => void batches.push(batch))
  await buffer.add({ n: 1, t: 'a' })
  await buffer.add([{ n: 2 }, { t: 'c', n: 3, address: 16n }])
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

const typed: Columns = {
  ...columns,
  at: { type: 'address', description: 'Where' },
  when: { type: 'time', description: 'When' },
  on: { type: 'flag', description: 'Whether' },
  args: { type: 'list', description: 'Which' },
  more: { type: 'record', description: 'Anything' },
}

test.each([
  ['a column that was not declared', { nn: 1 }, 'the column nn is not declared; did you mean n?'],
  [
    'text in an integer column',
    { n: 'seven' },
    'the column n was given "seven", and it is declared to hold an integer',
  ],
  ['a fraction in an integer column', { n: 1.5 }, 'the column n was given 1.5'],
  ['a number in a text column', { t: 7 }, 'the column t was given 7, and it is declared to hold a text'],
  ['text in an address column', { at: '0x10' }, 'the column at was given "0x10"'],
  [
    'a number in a time column',
    { when: 7n },
    'the column when was given 7n, and it is declared to hold a time as text',
  ],
  ['a number in a flag column', { on: 1 }, 'the column on was given 1, and it is declared to hold true or false'],
  [
    'text in a list column',
    { args: 'a b' },
    'the column args was given "a b", and it is declared to hold a list of texts',
  ],
  ['numbers in a list', { args: [1n] }, 'the column args was given ["1n"]'],
  ['numbers packed for a text column', new Rows(1, { t: new BigUint64Array([4n]) }), 'the column t was given 4n'],
  ['fractions packed for an integer column', new Rows(2, { n: new Float64Array([4, 0.5]) }), 'was given 0.5'],
  ['too few packed values', new Rows(2, { n: [1] }), 'the column n was given 1 values in a batch of 2 rows'],
  ['an undeclared column in a batch', new Rows(1, { m: [1] }), 'the column m is not declared'],
])('%s is an error that names the column, and loses no row before it', async (_what, yielded, message) => {
  const batches: Batch[] = []
  const buffer = new RowBuffer(typed, async (batch) => void batches.push(batch))
  await buffer.add({ n: 1n, t: 'a', at: 2n ** 63n, when: 'T', on: true, args: ['x'], more: { any: 1 } })
  await expect(buffer.add(yielded)).rejects.toThrow(message)
  await buffer.end()
  expect(batches.map(({ length }) => length)).toEqual([1])
  for (const values of Object.values(batches[0]?.columns ?? {})) expect(values).toHaveLength(1)
})
