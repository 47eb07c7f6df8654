import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/foreign-module.js'

const find = (taints: string | null) => evaluateRule(rule, { modules: [{ name: 'x', taints }] })

test('one from elsewhere is a remark, one that was forced in is more', () => {
  expect(find('OE')).toMatchObject([{ severity: 'low', summary: expect.stringContaining('not signed') }])
  expect(find('F')).toMatchObject([{ severity: 'medium' }])
})

test.each(['', 'P', 'C', null])('%s is not', (taints) => {
  expect(find(taints)).toEqual([])
})
