import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/netfilter-redirected.js'

const hook = { family: 'ip', hook: 'input', container: null, symbol: null, module: null, address: 16 }

test('a function in the place of another is found, and no other', () => {
  const rows = [true, false, null].map((redirected) => ({ ...hook, redirected }))
  expect(evaluateRule(rule, { netfilter: rows })).toHaveLength(1)
})
