import { expect, test } from 'vitest'
import type { Declaration } from '../../dist/src/api/analyzer.js'
import { need, optional } from '../../dist/src/api/needs.js'
import { type Options, option } from '../../dist/src/api/options.js'
import { byDefault, plan } from '../../dist/src/engine/plan.js'
import { mergeHits } from '../../dist/src/engine/scans.js'
import { closest } from '../../dist/src/engine/suggest.js'
import { distinct, WarningLog } from '../../dist/src/engine/warnings.js'

function graph(needs: Record<string, string[]>) {
  const all = Object.entries(needs).map(([name, list]) => ({
    name,
    area: 't',
    summary: 's',
    columns: {},
    needs: Object.fromEntries(list.map((other) => [other, need(other)])),
  }))
  const find = (name: string) => all.find((analyzer) => analyzer.name === name)
  return (...names: string[]) =>
    plan(names.flatMap((name) => find(name) ?? []).map(byDefault), find).map(({ analyzer }) => analyzer.name)
}

test('what is needed comes first, and once', () => {
  const order = graph({ a: ['b', 'c'], b: ['c'], c: [], d: ['c'] })
  expect(order('a', 'd', 'a')).toEqual(['c', 'b', 'a', 'd'])
})

test('a table with other options is another table, and one with the same is the same', () => {
  const options: Options = { minimum: option.count('m', { default: 4 }), kind: option.choice('k', ['a', 'b']) }
  const about = { area: 't', summary: 's', columns: {} }
  const table: Declaration = { ...about, name: 'table', options }
  const rule: Declaration = {
    ...about,
    name: 'rule',
    needs: { a: need('table'), b: need('table', { minimum: 4 }), c: need('table', { kind: 'a', minimum: 5 }) },
  }
  const planned = plan([byDefault(rule), byDefault(table)], (name) => [table, rule].find((one) => one.name === name))
  expect(planned.map(({ analyzer, options }) => [analyzer.name, options])).toEqual([
    ['table', { minimum: 4, kind: null }],
    ['table', { minimum: 5, kind: 'a' }],
    ['rule', {}],
  ])
  const [first, second, last] = planned
  expect(last?.needs.map(({ as, table }) => [as, table])).toEqual([
    ['a', first?.id],
    ['b', first?.id],
    ['c', second?.id],
  ])
})

test.each([
  [{ minimun: 4 }, 'the analyzer rule needs table with an option that it lacks, minimun; did you mean minimum?'],
  [
    { minimum: 'x' },
    'the analyzer rule needs table with an option of the wrong kind: minimum takes a number from 0 on',
  ],
  [{ rules: 'x' }, 'the analyzer rule needs table with an option that only the user can give, for it is a file: rules'],
  [{ logs: ['x'] }, 'the analyzer rule needs table with an option that only the user can give, for it is a file: logs'],
  [
    { logs: { option: 'log' } },
    'with an option of the wrong kind: logs is to be its own option log, which is none of the same type',
  ],
])('a need with the options %j is a mistake', (given, message) => {
  const options: Options = { minimum: option.count('m'), rules: option.file('r'), logs: option.files('l') }
  const table: Declaration = { name: 'table', area: 't', summary: 's', columns: {}, options }
  const rule: Declaration = { ...table, name: 'rule', options: {}, needs: { table: need('table', given) } }
  expect(() => plan([byDefault(rule)], () => table)).toThrow(message)
})

test('an optional need that nobody provides is planned without', () => {
  const rule: Declaration = { name: 'rule', area: 't', summary: 's', columns: {}, needs: { table: optional('gone') } }
  expect(plan([byDefault(rule)], () => undefined)).toMatchObject([
    { needs: [{ as: 'table', table: undefined, missing: 'gone' }] },
  ])
  // Nor is what another need of its own keeps from being made.
  const table: Declaration = { ...rule, name: 'table', needs: { gone: need('gone') } }
  const other: Declaration = { ...rule, needs: { table: optional('table') } }
  expect(plan([byDefault(other)], (name) => (name === 'table' ? table : undefined))).toMatchObject([
    { analyzer: { name: 'rule' }, needs: [{ as: 'table', table: undefined, missing: 'gone' }] },
  ])
})

test('a circle is named', () => {
  const order = graph({ a: ['b'], b: ['c'], c: ['b'] })
  expect(() => order('a')).toThrow('analyzers need each other in a circle: b → c → b')
})

test('a need that nobody provides is named', () => {
  expect(() => graph({ a: ['gone'] })('a')).toThrow('the analyzer a needs gone, which no plugin provides')
})

test('hits of all chunks are merged ascending, each once', () => {
  const hits = (...addresses: bigint[]) => ({
    addresses: BigUint64Array.from(addresses),
    which: new Uint32Array(),
    lengths: new Uint32Array(),
  })
  expect([...mergeHits([hits(9n, 3n), hits(), hits(3n, 1n)]).addresses]).toEqual([1n, 3n, 9n])
})

test('hits of several things keep which each is', () => {
  const hits = (addresses: bigint[], which: number[]) => ({
    addresses: BigUint64Array.from(addresses),
    which: Uint32Array.from(which),
    lengths: Uint32Array.from(which, () => 1),
  })
  const { addresses, which } = mergeHits([hits([1n, 1n], [0, 2]), hits([], []), hits([9n], [1])])
  expect([[...addresses], [...which]]).toEqual([
    [1n, 1n, 9n],
    [0, 2, 1],
  ])
})

test('a mistyped name finds its neighbour, and nonsense finds none', () => {
  expect(closest('proceses', ['processes', 'threads'])).toBe('processes')
  expect(closest('proc', ['processes', 'threads'])).toBe('processes')
  expect(closest('xyzzy', ['processes', 'threads'])).toBeUndefined()
  expect(closest('a', ['ps'])).toBeUndefined()
})

test('warnings of one kind are counted, with the first address', () => {
  const log = new WarningLog()
  const warning = { code: 'unreadable', message: 'm', column: 'args' }
  log.add({ ...warning, count: 2, address: '0x1' })
  log.add({ ...warning, count: 3, address: '0x2' })
  log.add({ ...warning, column: 'comm' })
  expect(log.list()).toEqual([
    { ...warning, count: 5, address: '0x1' },
    { ...warning, column: 'comm' },
  ])
})

test('a warning that several readings give is one event, and of whoever told it first', () => {
  const log = new WarningLog()
  const shared = { code: 'torn', message: 'm', count: 2 }
  for (const analyzer of ['one', 'one', 'two']) log.add(shared, analyzer)
  log.add({ ...shared }, 'one')
  expect(log.list()).toEqual([{ ...shared, analyzer: 'one', count: 4 }])
  const inherited = { ...shared, analyzer: 'one' }
  expect(distinct([inherited, { ...inherited }, inherited])).toEqual([inherited, inherited])
})

test('warnings of endless kinds are capped, and that is a warning', () => {
  const log = new WarningLog()
  for (let index = 0; index < 600; index++) log.add({ code: 'torn', message: `m${index}` })
  expect(log.list().at(-1)).toMatchObject({ code: 'cap', count: 100 })
})
