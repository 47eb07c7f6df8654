import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/changed-code.js'

const memory = { pid: 7, comm: 'x', container: 'c1', path: '/lib/libc.so.6', reasons: ['changed'], changed_pages: 2 }
const processes = [
  { pid: 7, comm: 'x', exe: '/usr/bin/x', args: ['x'], container: 'c1' },
  { pid: 8, comm: 'gdb', exe: '/usr/bin/gdb', args: ['gdb'], container: null },
]
const find = (row: object, { ptrace = [] as object[], events = [] as object[] } = {}) =>
  evaluateRule(rule, { injected: [{ ...memory, ...row }], processes, ptrace, events })

test('changed code is found, writable code more severely', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
  expect(find({ reasons: ['writable', 'changed'], path: null, changed_pages: null })).toMatchObject([
    { severity: 'high' },
  ])
})

test('under a debugger it is a remark, and where a probe is nothing', () => {
  expect(find({}, { ptrace: [{ pid: 7, tracer_pid: 8 }] })).toMatchObject([{ severity: 'low' }])
  expect(find({}, { events: [{ kind: 'breakpoint', target: '/lib/libc.so.6' }] })).toEqual([])
  expect(find({ reasons: ['deleted'] })).toEqual([])
  expect(find({ reasons: null })).toEqual([])
})
