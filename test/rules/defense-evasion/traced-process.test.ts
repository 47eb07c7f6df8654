import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/traced-process.js'

const traced = { tid: 7, pid: 7, comm: 'x', container: null, tracer_pid: 8, tracer_comm: 'y', tracer_container: null }
const tracer = { pid: 8, comm: 'y', exe: '/lab/y', args: ['y'], container: null }
const find = (row: object, of: object = tracer) =>
  evaluateRule(rule, {
    ptrace: [
      { ...traced, ...row },
      { ...traced, ...row, tid: 9 },
    ],
    processes: [of],
  })

test('a traced process is found once, more severely across containers, less so under a debugger', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
  expect(find({ tracer_container: 'c1' })).toMatchObject([{ severity: 'high' }])
  expect(find({}, { ...tracer, exe: '/usr/bin/strace' })).toMatchObject([{ severity: 'low' }])
  expect(find({}, { ...tracer, exe: '/tmp/strace' })).toMatchObject([{ severity: 'medium' }])
  expect(find({ tracer_pid: null, comm: null }, { ...tracer, pid: 5 })).toMatchObject([{ severity: 'medium' }])
})

test('nothing is where nobody traces', () => {
  expect(evaluateRule(rule, { ptrace: [], processes: [tracer] })).toEqual([])
})
