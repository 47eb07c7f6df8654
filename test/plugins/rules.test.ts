/** Every rule is described to one standard, and has a test of what it finds and of what it does not. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import { builtinRules } from '../../dist/plugins/rules/index.js'
import { ruleFault } from '../../dist/src/engine/validate-rule.js'

const files = readdirSync(new URL('../../plugins/rules/', import.meta.url), { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.ts') && file !== 'index.ts')
  .sort()

test('rules have names of their own, and each is the name of its file in the folder of its tactic', () => {
  const expected = builtinRules.map(({ tactic, name }) => `${tactic}/${name}.ts`)
  expect(expected.sort()).toEqual(files)
})

test.each(builtinRules)('$name is described to the standard', (rule) => {
  expect(ruleFault(rule)).toBeUndefined()
  expect(rule.title).toMatch(/^[\p{L}\d].*[^.\s]$/u)
  expect(rule.title.length).toBeLessThanOrEqual(100)
  expect(rule.means).toMatch(/^\p{Lu}.*\.$/su)
  for (const step of rule.next) expect(step).toMatch(/^[\p{L}\d].*[^.\s]$/u)
  for (const id of rule.attack) expect(id).toMatch(/^T\d{4}(\.\d{3})?$/)
  for (const id of rule.kubernetes ?? []) expect(id).toMatch(/^MS-TA90\d\d$/)
  expect(rule.attack.length).toBeGreaterThan(0)
})

test.each(builtinRules)('$name has a test', ({ tactic, name }) => {
  expect(existsSync(new URL(`../rules/${tactic}/${name}.test.ts`, import.meta.url))).toBe(true)
})

interface Declared {
  readonly name: string
  readonly columns: Record<string, { readonly type: string }>
}

const declared: Declared[] = JSON.parse(
  readFileSync(new URL('../../dist/bundle/plugins/index.json', import.meta.url), 'utf8'),
)
const columnsOf = new Map(declared.map(({ name, columns }) => [name, columns]))

/** What rules look for, so that many of them go on with a row. */
const words = fc.constantFrom(
  'c1',
  '/tmp/.x (deleted)',
  '/memfd:x (deleted)',
  'container',
  'unix',
  'file',
  'cgroup',
  '[x]',
  'eyJ.e30.x',
  '/usr/bin/bash',
  '/dev/pts/0',
  'pipe:[1]',
  'inet',
  'LISTEN',
  'ESTABLISHED',
  'overlay',
  '/',
)
const text = fc.oneof(words, fc.string())
const cells: Record<string, fc.Arbitrary<unknown>> = {
  text,
  time: fc.constantFrom('2026-01-01T00:00:00Z', 'never'),
  flag: fc.boolean(),
  list: fc.array(text, { maxLength: 3 }),
  record: fc.oneof(
    fc.array(fc.dictionary(fc.constantFrom('source', 'target', 'options'), fc.oneof(text, fc.array(text)))),
    fc.anything(),
  ),
}
const numbers = fc.oneof(fc.constantFrom(0, 1, 2), fc.integer(), fc.bigInt())

function rowsOf(table: string): fc.Arbitrary<object[]> {
  const columns = columnsOf.get(table)
  if (columns === undefined) throw new Error(`no table ${table}`)
  const row = Object.entries(columns).map(([name, { type }]) => [name, fc.option(cells[type] ?? numbers)] as const)
  return fc.array(fc.record(Object.fromEntries(row)), { maxLength: 6 })
}

test.each(builtinRules)('$name ends on whatever its tables hold', (rule) => {
  const tables = Object.entries(rule.reads).map(([as, { analyzer }]) => [as, rowsOf(analyzer)] as const)
  const property = fc.property(fc.record(Object.fromEntries(tables)), rowsOf('containers'), (given, containers) => {
    for (const { summary } of evaluateRule(rule, given as never, containers))
      expect(summary).not.toMatch(/undefined|NaN|\[object/)
  })
  fc.assert(property, { numRuns: 30 })
})
