/** Rules over evidence on rows that may hold anything: none fails, whatever files and memory say. */

import fc from 'fast-check'
import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import { builtinRules } from '../../dist/plugins/rules/index.js'

const RECORDS = ['listing', 'container', 'pod', 'covered', 'key-use', 'allowed', 'finding']
const file = { kind: 'file', detail: { records: Object.fromEntries(RECORDS.map((kind) => [kind, 1])) } }

const text = fc.oneof(fc.constantFrom('', 'tcp a:1 → b:2', '\u0000\ud800', '198.51.100.7', '__proto__'), fc.string())
const value = fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text), fc.constant(null))
const NAMES = [
  'id',
  'running',
  'memory_state',
  'whole_list',
  'command',
  'from',
  'args',
  'execs_logged',
  'calls',
  'way',
  'seen',
]
const detail = fc.oneof(value, fc.dictionary(fc.constantFrom(...NAMES, 'address', 'severity'), value))
const orNull = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null })
const row = fc.record({
  source: orNull(text),
  kind: fc.constantFrom('container', 'pod', 'exec', 'connection', 'key-use', 'finding'),
  time: orNull(text),
  subject: orNull(text),
  pid: orNull(fc.integer()),
  comm: orNull(text),
  container: orNull(text),
  pod: orNull(text),
  state: fc.constantFrom('both', 'evidence only', 'memory only'),
  detail,
})

const ours = builtinRules.filter(({ reads }) => 'evidence' in reads)

test.each(ours)('$name takes whatever evidence may say', (rule) => {
  expect(ours.length).toBeGreaterThanOrEqual(7)
  let found = 0
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
      const given = { evidence: [file, ...rows], processes: [] }
      for (const { summary } of evaluateRule(rule, given as never)) {
        found++
        expect(summary).not.toMatch(/undefined|NaN|\[object|\bnull\b/)
      }
    }),
    { numRuns: 200, seed: 1 },
  )
  // It got as far as to find something.
  expect(found).toBeGreaterThan(0)
})
