import { expect, test } from 'vitest'
import { need } from '../../dist/src/api/needs.js'
import { byDefault, plan } from '../../dist/src/engine/plan.js'
import { mergeHits } from '../../dist/src/engine/scans.js'
import { closest } from '../../dist/src/engine/suggest.js'
import { WarningLog } from '../../dist/src/engine/warnings.js'

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

test('a circle is named', () => {
  const order = graph({ a: ['b'], b: ['c'], c: ['b'] })
  expect(() => order('a')).toThrow('analyzers need each other in a circle: b → c → b')
})

test('a need that nobody provides is named', () => {
  expect(() => graph({ a: ['gone'] })('a')).toThrow('the analyzer a needs gone, which no plugin provides')
})

test('hits of all chunks are merged ascending, each once', () => {
  const hits = (...addresses: bigint[]) => ({ addresses: BigUint64Array.from(addresses), which: new Uint32Array() })
  expect([...mergeHits([hits(9n, 3n), hits(), hits(3n, 1n)]).addresses]).toEqual([1n, 3n, 9n])
})

test('hits of several things keep which each is', () => {
  const hits = (addresses: bigint[], which: number[]) => ({
    addresses: BigUint64Array.from(addresses),
    which: Uint32Array.from(which),
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

test('warnings of endless kinds are capped, and that is a warning', () => {
  const log = new WarningLog()
  for (let index = 0; index < 600; index++) log.add({ code: 'torn', message: `m${index}` })
  expect(log.list().at(-1)).toMatchObject({ code: 'cap', count: 100 })
})
