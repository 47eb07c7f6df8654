import { expect, test } from 'vitest'
import type { Columns, Value } from '../../dist/src/api/columns.js'
import { Selection, type SortKey } from '../../dist/src/output/selection.js'

const columns: Columns = {
  n: { type: 'integer', description: 'Number' },
  t: { type: 'text', description: 'Text' },
  l: { type: 'list', description: 'List' },
}
const all = { keep: <T>(batch: T): T => batch }
const by = (column: string, descending = false): SortKey => ({ column, descending })

function ordered(column: string, values: Value[], keys: SortKey[], limit?: number): Value[] {
  const selection = new Selection(columns, { filter: all, sort: keys, ...(limit === undefined ? {} : { limit }) })
  const batches = [...values].map((value) => selection.take({ length: 1, columns: { [column]: [value] } }))
  const output = [...batches.flat(), ...selection.end()]
  return output.flatMap(({ length, columns }) => Array.from(columns[column] ?? []).slice(0, length))
}

test('numbers are ordered by size, texts by their characters, lists by what is in them', () => {
  expect(ordered('n', [10, 9n, -1, 2n ** 64n], [by('n')])).toEqual([-1, 9n, 10, 2n ** 64n])
  expect(ordered('t', ['b', 'a10', 'a9', 'B'], [by('t')])).toEqual(['B', 'a10', 'a9', 'b'])
  expect(ordered('l', [['b'], ['a', 'c'], []], [by('l')])).toEqual([['a', 'c'], ['b'], []])
})

test('what is not known comes last, whatever the direction', () => {
  expect(ordered('n', [null, 1, 2], [by('n')])).toEqual([1, 2, null])
  expect(ordered('n', [null, 1, 2], [by('n', true)])).toEqual([2, 1, null])
})

test('rows that are equal stay in their order, and a second column decides between them', () => {
  const rows = { length: 4, columns: { n: [1, 1, 0, 1], t: ['b', 'a', 'c', 'a'], l: [['1'], ['2'], ['3'], ['4']] } }
  const sorted = (keys: SortKey[]) => {
    const selection = new Selection(columns, { filter: all, sort: keys })
    return [...selection.take(rows), ...selection.end()][0]?.columns.l
  }
  expect(sorted([by('n')])).toEqual([['3'], ['1'], ['2'], ['4']])
  expect(sorted([by('n', true), by('t')])).toEqual([['2'], ['4'], ['1'], ['3']])
})

test('a limit takes the first rows of the order that was asked for', () => {
  expect(ordered('n', [3, 1, 2], [by('n')], 2)).toEqual([1, 2])
  expect(ordered('n', [3, 1, 2], [], 2)).toEqual([3, 1])
})

test('too many rows for an order are all written, in the order they came, and that is said', () => {
  const selection = new Selection(columns, { filter: all, sort: [by('n')] }, 3)
  const output = [3, 2, 1, 0, 4].flatMap((n) => selection.take({ length: 1, columns: { n: [n] } }))
  expect([...output, ...selection.end()].flatMap(({ columns }) => Array.from(columns.n ?? []))).toEqual([3, 2, 1, 0, 4])
  expect(selection.warnings()).toEqual([{ code: 'cap', message: 'more than 3 rows are not put in order' }])
})
