import { expect, test } from 'vitest'
import type { Declaration } from '../../dist/src/api/analyzer.js'
import { chooseContainers } from '../../dist/src/cli/container-names.js'
import { checkFilter, makeFilter } from '../../dist/src/output/filter.js'

const analyzer: Declaration = {
  name: 'things',
  area: 'test',
  summary: 'Things',
  columns: {
    pid: { type: 'integer', description: 'Which', meaning: 'pid' },
    container: { type: 'text', description: 'Where', meaning: 'container' },
  },
}
const text = { type: 'text', description: 'Any' } as const
const other: Declaration = { ...analyzer, name: 'other', columns: { text } }
const named: Declaration = { ...other, name: 'named', columns: { name: { ...text, meaning: 'container_name' } } }
const batch = { length: 4, columns: { pid: [1, 2n, null, 4], container: ['abc1', 'abd2', null, 'feed0'] } }

/** One container is called like the beginning of another's id, one is gone and only a row knows it. */
const known = [
  { id: 'abc1', name: 'web', pod: null },
  { id: 'abd2', name: 'feed', pod: null },
  { id: 'dead3', name: 'web-2', pod: null },
  { id: '0123', name: null, pod: null },
]

function kept(pid: number[], container: string[]) {
  const choice = container.length === 0 ? undefined : chooseContainers(container, { known })
  return makeFilter(analyzer, { pid, container }, choice).keep(batch).columns.pid
}

test('without options every row stays', () => {
  expect(kept([], [])).toEqual([1, 2n, null, 4])
  expect(makeFilter(analyzer, { pid: [], container: [] }).asked).toBeUndefined()
})

test('process ids are compared by value, and several are alternatives', () => {
  expect(kept([2], [])).toEqual([2n])
  expect(kept([1, 2], [])).toEqual([1, 2n])
  expect(kept([0], [])).toEqual([])
})

test('a container is named by its id, its name or the beginning of either, and a whole name is no beginning', () => {
  expect(kept([], ['abc1'])).toEqual([1])
  expect(kept([], ['web'])).toEqual([1])
  expect(kept([], ['we'])).toEqual([1])
  expect(kept([], ['ab'])).toEqual([1, 2n])
})

test('a name made of hexadecimal digits is a name', () => {
  expect(kept([], ['feed'])).toEqual([2n])
})

test('the id of a container that is gone finds its rows', () => {
  expect(kept([], ['feed0'])).toEqual([4])
})

test('where containers cannot be looked up, an id is taken as it is, a name is refused, and both say why', () => {
  const failed = { code: 'EVIDENCE', message: 'the file ends' } as const
  const choice = chooseContainers(['feed'], { known: [], failed })
  const { asked, keep } = makeFilter(analyzer, { pid: [], container: ['feed'] }, choice)
  expect(keep(batch).columns.pid).toEqual([4])
  expect(asked).toBe('--container feed; which containers there are could not be read')
  expect(() => chooseContainers(['web'], { known: [], failed })).toThrow('names cannot be read: the file ends')
})

test('what can be neither id nor name says which containers there are', () => {
  expect(() => kept([], ['wbe'])).toThrow('no container is called wbe; there are: feed, web, web-2')
})

test('a table that knows only names is filtered by them', () => {
  const rows = { length: 3, columns: { name: ['web', 'web-2', null] } }
  const names = (value: string) =>
    makeFilter(named, { pid: [], container: [value] }, chooseContainers([value], { known })).keep(rows).columns.name
  expect(names('web')).toEqual(['web'])
  expect(names('dead3')).toEqual(['web-2'])
})

test('the containers of a pod are chosen by its name, with its namespace or without', () => {
  const pods = [
    { id: 'a1', name: 'web', pod: 'shop/front' },
    { id: 'a2', name: 'front', pod: 'shop/front' },
    { id: 'a3', name: 'web', pod: 'shop/front-2' },
  ]
  const chosen = (value: string) => [...chooseContainers([value], { known: pods }).ids]
  expect(chosen('pod:shop/front')).toEqual(['a1', 'a2'])
  expect(chosen('pod:front')).toEqual(['a1', 'a2'])
  expect(chosen('pod:front-')).toEqual(['a3'])
  expect(() => chosen('pod:web')).toThrow('no pod is called web; there are: shop/front, shop/front-2')
})

test('--where asks for a value as JSON has it, of a list for any item, and != for the others', () => {
  const columns = {
    at: { type: 'address', description: 'a' },
    yes: { type: 'flag', description: 'f' },
    list: { type: 'list', description: 'l' },
    name: text,
  } as const
  const rows = {
    length: 3,
    columns: {
      at: [16, 0xffff888000000000n, null],
      yes: [true, false, null],
      list: [['a', 'b'], [], null],
      name: ['a=b,c', '', null],
    },
  }
  const found = (column: string, value: string, negated = false) =>
    makeFilter({ ...other, columns }, { pid: [], container: [], where: [{ column, value, negated }] }).keep(rows)
      .columns.at
  expect(found('at', '0xffff888000000000')).toEqual([0xffff888000000000n])
  expect(found('yes', 'true')).toEqual([16])
  expect(found('yes', 'true', true)).toEqual([0xffff888000000000n, null])
  expect(found('list', 'b')).toEqual([16])
  expect(found('name', 'a=b,c')).toEqual([16])
  expect(found('name', '')).toEqual([0xffff888000000000n, null])
})

test('both options must hold', () => {
  expect(kept([2], ['abc1'])).toEqual([])
})

test('a table without such a column is a usage error that names those which have one', () => {
  expect(() => checkFilter(other, { pid: [1], container: [] }, [analyzer, other])).toThrow(
    '--pid: a row of other belongs to no one process; rows of these do: things',
  )
  expect(() => checkFilter(other, { pid: [], container: ['x'] }, [analyzer, named, other])).toThrow(
    '--container: a row of other belongs to no container; rows of these do: things, named',
  )
})
