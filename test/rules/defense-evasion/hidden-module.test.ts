import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/hidden-module.js'

const ext4 = { name: 'ext4', state: 'live', found_by: ['list', 'kset', 'tree', 'scan'] }
const find = (row: object, torn = false) =>
  evaluateRule(rule, { modules: [ext4, { ...ext4, name: 'x', ...row }], info: [{ torn }] })

test.each([[['scan']], [['kset', 'tree']], [['list', 'tree', 'scan']]])(
  'one that only %s know is found',
  (found_by) => {
    expect(find({ found_by })).toHaveLength(1)
    expect(find({ found_by }, true)).toMatchObject([{ severity: 'low' }])
  },
)

test('neither one that all lists know, nor one that comes or goes', () => {
  expect(find({ found_by: ['list', 'kset', 'tree'] })).toEqual([])
  expect(find({ found_by: ['list'], state: 'loading' })).toEqual([])
  expect(find({ found_by: null })).toEqual([])
  expect(find({ found_by: ['scan'], state: null })).toEqual([])
})
