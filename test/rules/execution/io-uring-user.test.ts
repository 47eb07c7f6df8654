import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/io-uring-user.js'

const find = (exe: string | null, container: string | null, ring: object = {}) =>
  evaluateRule(rule, {
    rings: [{ pid: 7, fd: 3, total: 4, ...ring }],
    processes: [{ pid: 7, ppid: 1, comm: 'x', args: ['x'], exe, container }],
  })

test.each([
  ['/lab/standin', null, 'medium'],
  ['/tmp/.d', null, 'high'],
  ['/tmp/.d', 'c1', 'high'],
])('%s in %s is %s', (exe, container, severity) => {
  expect(find(exe, container)).toMatchObject([{ about: { pid: 7, container }, severity }])
})

test('neither an installed program nor one of an image is, nor a ring without a process', () => {
  expect(find('/usr/bin/qemu-system-x86_64', null)).toEqual([])
  expect(find('/app/database', 'c1')).toEqual([])
  expect(find('/tmp/.d', null, { pid: null })).toEqual([])
})
