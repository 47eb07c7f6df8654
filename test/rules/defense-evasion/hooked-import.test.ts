import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/hooked-import.js'

const hook = {
  pid: 7,
  comm: 'sshd',
  container: 'c1',
  function: 'pam_get_item',
  reason: 'anonymous',
  library: '/usr/sbin/sshd',
  target_path: null,
}
const find = (hooks: object[], torn = false) => evaluateRule(rule, { hooks, info: [{ torn }] })

test('a function that leads into memory without a file is found, on torn memory only as a possibility', () => {
  expect(find([hook])).toMatchObject([
    { about: { pid: 7, container: 'c1' }, evidence: [{ table: 'import-hooks', key: hook }] },
  ])
  expect(find([hook], true)).toMatchObject([{ severity: 'low' }])
})

test('those of one process that lead to the same kind of place are one finding', () => {
  const others = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ ...hook, function: name }))
  const found = find([...others, { ...hook, pid: 8 }, { ...hook, reason: 'elsewhere' }])
  expect(found.map(({ summary }) => summary)).toEqual([
    '‘a’, ‘b’, ‘c’, ‘d’, ‘e’ and 1 more of ‘/usr/sbin/sshd’ lead to memory without a file',
    '‘pam_get_item’ of ‘/usr/sbin/sshd’ lead to memory without a file',
    '‘pam_get_item’ of ‘/usr/sbin/sshd’ lead to other places than they begin at',
  ])
})

test.each([
  { ...hook, reason: 'preloaded' },
  { ...hook, reason: 'unlisted', target_path: '/opt/lib/libfrida-gadget.so' },
  { ...hook, reason: null },
])('%j is none', (row) => {
  expect(find([row])).toEqual([])
})
