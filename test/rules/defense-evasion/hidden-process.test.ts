import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/hidden-process.js'

const ALL = ['task list', 'pid IDR', 'thread list']
const init = { pid: 1, started: '2026-01-01T02:00:00Z', comm: 'systemd', args: ['init'], state: 'S', found_by: ALL }
const find = (row: object, torn: boolean | null = false) =>
  evaluateRule(rule, { processes: [init, { ...init, pid: 7, comm: 'x', ...row }], info: [{ torn }] })

test('one that is missing in a list is found', () => {
  expect(find({ found_by: ['pid IDR'] })).toMatchObject([
    { about: { pid: 7 }, summary: '‘init’ is missing in the task list' },
  ])
  expect(find({ found_by: ['task list'], args: null })).toMatchObject([{ summary: '‘x’ is missing in the pid IDR' }])
})

test('on torn memory one that was there for long is found, and a young one is told as what may have come or gone', () => {
  const found_by = ['task list']
  expect(find({ found_by, started: '2026-01-01T00:00:00Z' }, true)).toMatchObject([
    { severity: 'medium', confidence: 'low' },
  ])
  const young = [
    {
      severity: 'low',
      confidence: 'low',
      summary: '‘init’ is missing in the pid IDR, or came or went while memory was taken',
    },
  ]
  expect(find({ found_by, started: '2026-01-01T02:00:00Z' }, true)).toMatchObject(young)
  expect(find({ found_by, started: null }, null)).toMatchObject(young)
})

test('neither one that all know, nor one that ends, nor one of which nothing is known', () => {
  expect(find({})).toEqual([])
  expect(find({ found_by: ['task list'], state: 'X' })).toEqual([])
  expect(find({ found_by: null })).toEqual([])
})

test('a list that could not be read, or is cut, hides nobody', () => {
  const lost = { ...init, found_by: ['task list'] }
  expect(evaluateRule(rule, { processes: [lost], info: [{ torn: false }] })).toEqual([])
  expect(evaluateRule(rule, { processes: [init, ...Array(30).fill(lost)], info: [{ torn: false }] })).toEqual([])
})
