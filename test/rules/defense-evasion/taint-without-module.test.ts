import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/taint-without-module.js'

const find = (value: string | null, taints: string | null = '') =>
  evaluateRule(rule, { settings: [{ name: 'kernel.tainted', value }], modules: [{ name: 'x', taints }] })

test('a mark that no module bears is found', () => {
  expect(find('4096')).toMatchObject([{ summary: 'kernel.tainted is 4096: O is of no module that is there' }])
  expect(find('12288', 'O')).toMatchObject([{ summary: expect.stringContaining('E is of no module') }])
})

test('neither a clean kernel, nor a mark that a module bears, nor one of something else', () => {
  expect(find('0')).toEqual([])
  expect(find('12288', 'OE')).toEqual([])
  expect(find('512')).toEqual([])
  expect(find(null)).toEqual([])
  expect(find('x'.repeat(100))).toEqual([])
})
