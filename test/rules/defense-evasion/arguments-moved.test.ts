import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/arguments-moved.js'

const line = { arguments: 0x7f0000001000n, arguments_path: null, arguments_permissions: 'rw-p' }
const process = { pid: 9, comm: 'sshd', exe: '/opt/x', args: ['/usr/sbin/sshd'], state: 'S' }
const find = (thread: object = {}, runs: object = {}) =>
  evaluateRule(rule, { stacks: [{ tid: 9, pid: 9, ...line, ...thread }], processes: [{ ...process, ...runs }] })

test('a command line in memory of the process’ own', () => {
  const [found] = find()
  expect(found).toMatchObject({ about: { pid: 9 }, severity: 'medium' })
  expect(found?.summary).toContain('‘memory of its own’')
  expect(find({ arguments_path: '[heap]' })[0]?.summary).toContain('‘[heap]’')
})

test('the service manager does so to its helpers', () => {
  expect(find({}, { exe: '/usr/lib/systemd/systemd' })).toMatchObject([{ severity: 'info' }])
})

test.each([
  [{ arguments_path: '[stack]' }, {}],
  [{ arguments: null }, {}],
  // Of a host that went on, the mapping may be what could not be read.
  [{ arguments_permissions: null }, {}],
  [{ tid: 10 }, {}],
  [{}, { state: 'Z' }],
])('%j %j is none', (thread, runs) => {
  expect(find(thread, runs)).toEqual([])
})
