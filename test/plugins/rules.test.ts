/** Every rule is described to one standard, and has a test of what it finds and of what it does not. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { builtinRules } from '../../dist/plugins/rules/index.js'
import { ruleFault } from '../../dist/src/engine/validate-rule.js'
import { WITHOUT_RULE } from '../../scripts/docs/without-rule.mjs'

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

test('what no rule tells has its reason, and tables that there are', () => {
  const index = new URL('../../dist/bundle/plugins/index.json', import.meta.url)
  const analyzers = new Set((JSON.parse(readFileSync(index, 'utf8')) as { name: string }[]).map(({ name }) => name))
  const rules = new Set(builtinRules.map(({ name }) => name))
  expect(WITHOUT_RULE.length).toBeGreaterThan(10)
  for (const { sign, why, tables } of WITHOUT_RULE) {
    expect(sign).toMatch(/^\p{Lu}.*[^.\s]$/u)
    expect(why).toMatch(/^\p{Ll}.*[^.\s]$/u)
    expect(tables.length, sign).toBeGreaterThan(0)
    for (const table of tables) expect(analyzers.has(table), table).toBe(true)
    // A rule that a reason names is one that there is.
    for (const [name] of why.matchAll(/\b[a-z]+(?:-[a-z]+)+\b/g))
      expect(rules.has(name) || analyzers.has(name), name).toBe(true)
  }
})
