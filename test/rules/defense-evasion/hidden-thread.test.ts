import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/hidden-thread.js'

const ALL = ['pid IDR', 'thread list']
const one = { pid: 7, tid: 8, comm: 'x', state: 'S', found_by: ALL }
const find = (row: object, torn = false) =>
  evaluateRule(rule, { threads: [one, { ...one, tid: 9, ...row }], info: [{ torn }] })

test('a thread that is missing in a list is found, but not on torn memory', () => {
  expect(find({ found_by: ['pid IDR'] })).toMatchObject([{ about: { pid: 7 } }])
  expect(find({ found_by: ['pid IDR'] }, true)).toEqual([])
})

test('neither one that both know, nor the process itself, nor one that ends', () => {
  expect(find({})).toEqual([])
  expect(find({ tid: 7, found_by: ['pid IDR'] })).toEqual([])
  expect(find({ state: 'Z', found_by: ['pid IDR'] })).toEqual([])
  expect(find({ found_by: null })).toEqual([])
})
