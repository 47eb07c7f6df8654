import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/bpf-changes-others.js'

const program = { id: 3, name: 'p', pid: 7, comm: 'x', container: null, helpers: ['bpf_probe_write_user'] }
const holder = { pid: 7, comm: 'x', exe: '/tmp/x', args: ['x'], container: null }
const find = (row: object, of: object = holder) =>
  evaluateRule(rule, { programs: [{ ...program, ...row }], processes: [of] })

test('a program that changes others is found, of an agent as a remark', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 }, severity: 'high' }])
  expect(find({ helpers: ['bpf_send_signal'] })).toMatchObject([
    { summary: 'The program ‘p’ sends signals to processes' },
  ])
  expect(find({}, { ...holder, exe: '/usr/bin/tetragon' })).toMatchObject([{ severity: 'low' }])
  expect(find({ pid: null })).toMatchObject([{ severity: 'high' }])
})

test('one that only watches is not', () => {
  expect(find({ helpers: ['bpf_probe_read_user', 'bpf_get_current_task'] })).toEqual([])
  expect(find({ helpers: null })).toEqual([])
})
