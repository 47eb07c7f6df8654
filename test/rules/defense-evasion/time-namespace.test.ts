import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/time-namespace.js'

const init = { pid: 1, time_ns: 8 }
const found = (of: object, containers: object[] = []) =>
  evaluateRule(rule, { processes: [init, { pid: 7, args: ['x'], container: null, time_ns: 9, ...of }] }, containers)

test('a process with a time namespace of its own', () => {
  expect(found({})).toMatchObject([{ about: { pid: 7 } }])
})

test('not one in the host’s, nor where it is unknown, nor a container that has it as a whole', () => {
  expect(found({ time_ns: 8 })).toEqual([])
  expect(found({ time_ns: null })).toEqual([])
  expect(found({ container: 'c1' }, [{ id: 'c1', init_pid: 7 }])).toEqual([])
  expect(evaluateRule(rule, { processes: [{ pid: 7, time_ns: 9 }] })).toEqual([])
})
