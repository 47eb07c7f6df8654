import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/kernel-thread-code.js'

const thread = { pid: 66, comm: 'x', name: 'x', function: 0x1000, symbol: null, module: null }
const modules = [
  { name: 'zfs', taints: 'O', found_by: ['list'] },
  { name: 'xfs', taints: '', found_by: ['list'] },
]
const find = (row: object, torn = false) =>
  evaluateRule(rule, { threads: [{ ...thread, ...row }], modules, info: [{ torn }] })

test('one that runs code of nobody is found; of a foreign module it is a remark', () => {
  expect(find({})).toMatchObject([{ about: { pid: 66 }, summary: '‘x’ runs code at 0x1000' }])
  expect(find({ function: 4096n }, true)).toMatchObject([{ severity: 'low' }])
  expect(find({ symbol: 'z_thread', module: 'zfs' })).toMatchObject([{ severity: 'low' }])
})

test('neither one of the kernel or of its modules, nor one without a function', () => {
  expect(find({ symbol: 'worker_thread', module: 'kernel' })).toEqual([])
  expect(find({ symbol: 'xfsaild', module: 'xfs' })).toEqual([])
  expect(find({ function: 0 })).toEqual([])
  expect(find({ function: null })).toEqual([])
})

test('where the list of modules could not be read nobody can say whose code it is', () => {
  const lost = [{ name: 'fuse', taints: '', found_by: ['scan'] }]
  expect(evaluateRule(rule, { threads: [thread], modules: lost, info: [{ torn: false }] })).toEqual([])
})
