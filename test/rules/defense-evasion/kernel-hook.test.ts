import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/kernel-hook.js'

const hook = {
  kind: 'syscall',
  name: 'getdents64',
  index: 217,
  address: 0x1000,
  symbol: null,
  module: null,
  expected: null,
}
const find = (row: object, torn = false) => evaluateRule(rule, { hooks: [{ ...hook, ...row }], info: [{ torn }] })

test('a suspicious pointer is found; one that a lost module may explain, or of torn memory, is a possibility', () => {
  expect(find({ suspicious: true })).toMatchObject([{ summary: 'syscall ‘getdents64’ leads to ‘0x1000’ of unknown' }])
  expect(find({ suspicious: true, expected: '__x64_sys_getdents64' })[0]?.summary).toContain('and not to')
  expect(find({ suspicious: true, address: null }, true)).toMatchObject([{ severity: 'low' }])
  expect(find({ suspicious: null, name: null })).toMatchObject([{ severity: 'low' }])
})

test('another one is not', () => {
  expect(find({ suspicious: false, module: 'kernel' })).toEqual([])
})
