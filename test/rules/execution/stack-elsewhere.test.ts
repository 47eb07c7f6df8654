import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/stack-elsewhere.js'

const find = (stack_path: string | null, stack_permissions: string | null) =>
  evaluateRule(rule, { stacks: [{ tid: 8, pid: 7, comm: 'x', stack_path, stack_permissions }] })

test('a stack in the data or code of a library', () => {
  expect(find('/usr/lib/libx.so', 'rw-p')).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
  expect(find('/usr/lib/libx.so', 'r--p')).toMatchObject([{ severity: 'high' }])
})

test.each([
  ['[stack]', 'rw-p'],
  [null, 'rw-p'],
  ['[heap]', 'rw-p'],
  ['/memfd:stacks (deleted)', 'rw-s'],
  ['/usr/lib/libx.so', null],
])('%s is none', (path, permissions) => {
  expect(find(path, permissions)).toEqual([])
})
