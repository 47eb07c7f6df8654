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
const modules = [
  { name: 'evil', base: 0x8000, size: 0x1000 },
  { name: 'x', base: null, size: null },
]
const find = (row: object, torn = false) =>
  evaluateRule(rule, { hooks: [{ ...hook, ...row }], modules, info: [{ torn }] })

test('a suspicious pointer is found; one that a lost module may explain, or of torn memory, is a possibility', () => {
  expect(find({ suspicious: true })).toMatchObject([
    { summary: 'syscall ‘getdents64’ leads to ‘0x1000’ of no known module' },
  ])
  expect(find({ suspicious: true, expected: '__x64_sys_getdents64' })[0]?.summary).toContain('and not to')
  expect(find({ suspicious: true, address: null }, true)).toMatchObject([{ severity: 'low' }])
  expect(find({ suspicious: null, name: null })).toMatchObject([{ severity: 'low' }])
})

test('another one is not', () => {
  expect(find({ suspicious: false, module: 'kernel' })).toEqual([])
})

test('what leads into the same module is one finding, and names it also where it is hidden', () => {
  const rows = [0x8010, 0x8020n, 0x8030, 0x400000].map((address) => ({ ...hook, address, suspicious: true }))
  const found = evaluateRule(rule, { hooks: rows, modules, info: [{ torn: false }] })
  expect(found.map(({ summary }) => summary)).toEqual([
    'syscall ‘getdents64’ leads to ‘0x8010’ of ‘evil’, and 2 others into the same memory',
    'syscall ‘getdents64’ leads to ‘0x400000’ of no known module',
  ])
})
