import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/syscall-from-anonymous-memory.js'

const thread = { tid: 8, pid: 7, comm: 'x', syscall: 35, instruction_path: null, instruction_permissions: 'rwxp' }
const find = (changes: object) => evaluateRule(rule, { stacks: [{ ...thread, ...changes }] })

test.each([
  [{}, 'high'],
  [{ instruction_path: '[stack]' }, 'high'],
  [{ instruction_path: '/memfd:x (deleted)', instruction_permissions: 'r-xs' }, 'medium'],
])('%j is %s', (changes, severity) => {
  expect(find(changes)).toMatchObject([{ about: { pid: 7 }, severity }])
})

test.each([
  { instruction_path: '/usr/lib/x86_64-linux-gnu/libc.so.6', instruction_permissions: 'r-xp' },
  { instruction_path: '[vdso]', instruction_permissions: 'r-xp' },
  { syscall: null },
  { instruction_permissions: null },
  { instruction_permissions: 'rw-p' },
])('%j is none', (changes) => {
  expect(find(changes)).toEqual([])
})
