import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/hidden-process.js'

const ALL = ['task list', 'pid IDR', 'thread list']
const init = { pid: 1, comm: 'systemd', args: ['init'], state: 'S', found_by: ALL }
const find = (row: object, torn: boolean | null = false) =>
  evaluateRule(rule, { processes: [init, { ...init, pid: 7, comm: 'x', ...row }], info: [{ torn }] })

test('one that is missing in a list is found, on torn memory only as a possibility', () => {
  expect(find({ found_by: ['pid IDR'] })).toMatchObject([
    { about: { pid: 7 }, summary: '‘init’ is missing in the task list' },
  ])
  expect(find({ found_by: ['task list'] }, true)).toMatchObject([{ severity: 'low', confidence: 'low' }])
  expect(find({ found_by: ['task list'], args: null }, null)).toMatchObject([{ severity: 'low' }])
})

test('neither one that all know, nor one that ends, nor one of which nothing is known', () => {
  expect(find({})).toEqual([])
  expect(find({ found_by: ['task list'], state: 'X' })).toEqual([])
  expect(find({ found_by: null })).toEqual([])
})

test('a list that could not be read hides nobody', () => {
  const processes = [{ ...init, found_by: ['task list'] }]
  expect(evaluateRule(rule, { processes, info: [{ torn: false }] })).toEqual([])
})
