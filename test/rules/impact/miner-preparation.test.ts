import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/impact/miner-preparation.js'

const find = (module: string, value: string | null) =>
  evaluateRule(rule, { modules: [{ name: module }], settings: [{ name: 'vm.nr_hugepages', value }] })

test('the module and the pages together', () => {
  expect(find('msr', '1280')).toMatchObject([{ summary: expect.stringContaining('msr') }])
})

test('neither of them alone', () => {
  expect(find('msr', '0')).toEqual([])
  expect(find('msr', '512')).toEqual([])
  expect(find('kvm', '1280')).toEqual([])
  expect(find('msr', null)).toEqual([])
})
