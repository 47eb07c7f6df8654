/** No rule fails on what a damaged or hostile image may give it: every cell may be null, and texts and numbers anything. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import { builtinRules } from '../../dist/plugins/rules/index.js'
import type { IndexEntry } from '../../dist/src/engine/registry.js'

const index = new URL('../../dist/bundle/plugins/index.json', import.meta.url)
const analyzers = JSON.parse(readFileSync(index, 'utf8')) as IndexEntry[]
const columnsOf = (name: string) => analyzers.find((analyzer) => analyzer.name === name)?.columns ?? {}

/** Values at which rules look, so that they get further than the first condition. */
const TEXTS = [
  '',
  '/',
  '/tmp/.x (deleted)',
  '/usr/bin/bash',
  '/memfd:x (deleted)',
  '/dev/pts/0',
  'pipe:[1]',
  'inet',
  'packet',
  'LISTEN',
  'ESTABLISHED',
  'overlay',
  'file',
  'c1',
  '10.0.0.1',
  '2026-01-01T00:00:00Z',
  'no time',
  '\u0000\uffff\ud800',
]
const text = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ maxLength: 40 }))
const number = fc.oneof(fc.integer({ min: -2, max: 9 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
/** Analyzers make records of their own; what is in them is the image's. */
const parts = fc.record(
  { source: text, target: text, type: text, name: text, options: fc.array(text) },
  { requiredKeys: [] },
)
const record = fc.array(parts, { maxLength: 3 })
const VALUES: Record<string, fc.Arbitrary<unknown>> = {
  text,
  time: text,
  list: fc.array(text, { maxLength: 4 }),
  flag: fc.boolean(),
  record,
}

function rowsOf(table: string): fc.Arbitrary<object[]> {
  const cells = Object.entries(columnsOf(table)).map(([column, { type }]) => [
    column,
    fc.option(VALUES[type] ?? number, { nil: null, freq: 3 }),
  ])
  return fc.array(fc.record(Object.fromEntries(cells)), { maxLength: 6 })
}

const containers = [
  { id: 'c1', init_pid: 1, image: null },
  { id: null, init_pid: null },
].map((row) => ({
  ...Object.fromEntries(Object.keys(columnsOf('containers')).map((column) => [column, null])),
  ...row,
}))

test.each(builtinRules)('$name takes whatever a table may hold', (rule) => {
  const tables = Object.entries(rule.reads).map(([as, { analyzer }]) => [as, rowsOf(analyzer)])
  expect(tables.length).toBeGreaterThan(0)
  fc.assert(
    fc.property(fc.record(Object.fromEntries(tables)), (rows) => {
      const found = evaluateRule(rule, rows as never, containers)
      for (const { summary } of found) expect(summary).not.toMatch(/undefined|NaN|\[object/)
    }),
    { numRuns: 60, seed: 1 },
  )
})
