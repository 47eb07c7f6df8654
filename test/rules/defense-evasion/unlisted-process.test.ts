import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/unlisted-process.js'

const task = { pid: 7, comm: 'x', args: ['x', '-d'], exe: '/tmp/x', container: 'c1', status: 'live' }
const find = (row: object) => evaluateRule(rule, { scan: [{ ...task, ...row }] })

test('a task that is on no list is found', () => {
  expect(find({ unlisted: 'hidden' })).toMatchObject([{ about: { pid: 7, container: 'c1' } }])
  expect(find({ unlisted: 'hidden', args: null, exe: null })[0]?.summary).toBe('‘x’ from unknown is on no list')
})

test('neither one that a torn list lost, nor one that is on its lists', () => {
  expect(find({ unlisted: 'torn list' })).toEqual([])
  expect(find({ unlisted: null })).toEqual([])
})
