import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/time-namespace.js'

const host = { pid: 1, time_ns: 100, container: null, args: ['init'] }
const process = { pid: 7, comm: 'x', args: ['x'], time_ns: 200, container: null }
const containers = [{ id: 'c1', init_pid: 7 }]
const find = (row: object, first: object = host) =>
  evaluateRule(rule, { processes: [first, { ...process, ...row }] }, containers)

test('one with clocks of its own is found, of a container as a remark', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
  expect(find({ container: 'c1' })).toMatchObject([{ severity: 'low' }])
})

test('neither one with those of the host, nor on kernels that have none', () => {
  expect(find({ time_ns: 100 })).toEqual([])
  expect(find({ time_ns: null })).toEqual([])
  expect(find({}, { ...host, time_ns: null })).toEqual([])
})
