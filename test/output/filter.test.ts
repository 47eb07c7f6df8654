import { expect, test } from 'vitest'
import type { Declaration } from '../../dist/src/api/analyzer.js'
import { makeFilter } from '../../dist/src/output/filter.js'

const analyzer: Declaration = {
  name: 'things',
  area: 'test',
  summary: 'Things',
  columns: {
    pid: { type: 'integer', description: 'Which', meaning: 'pid' },
    container: { type: 'text', description: 'Where', meaning: 'container' },
    name: { type: 'text', description: 'Its name', meaning: 'container_name' },
  },
}
const other: Declaration = { ...analyzer, name: 'other', columns: { text: { type: 'text', description: 'Any' } } }
const batch = {
  length: 3,
  columns: { pid: [1, 2n, null], container: ['abc1', 'abd2', null], name: ['web', null, 'abc'] },
}

function kept(pid: number[], container: string[]) {
  return makeFilter(analyzer, { pid, container }, [analyzer, other])(batch).columns.pid
}

test('without options every row stays', () => {
  expect(kept([], [])).toEqual([1, 2n, null])
})

test('process ids are compared by value, and several are alternatives', () => {
  expect(kept([2], [])).toEqual([2n])
  expect(kept([1, 2], [])).toEqual([1, 2n])
  expect(kept([0], [])).toEqual([])
})

test('a container is named by the beginning of its id or by its whole name', () => {
  expect(kept([], ['ab'])).toEqual([1, 2n])
  expect(kept([], ['web'])).toEqual([1])
  expect(kept([], ['we'])).toEqual([])
  expect(kept([], ['abc'])).toEqual([1, null])
})

test('both options must hold', () => {
  expect(kept([2], ['abc'])).toEqual([])
})

test('a table without such a column is a usage error that names those which have one', () => {
  expect(() => makeFilter(other, { pid: [1], container: [] }, [analyzer, other])).toThrow(
    '--pid: the table other has no such column; these have: things',
  )
})
