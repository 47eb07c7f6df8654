import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/command-and-control/unread-shell-output.js'

const queue = { pid: 9, remote_pid: 7, kind: 'tcp', queue: 'received', size: 9, text: 'root@x:/#' }
const processes = [
  { pid: 7, comm: 'bash', exe: '/usr/bin/bash', args: ['bash', '-i'], container: 'c1' },
  { pid: 9, comm: 'nc', exe: '/usr/bin/nc', args: ['nc'], container: null },
]
const find = (changes: object) => evaluateRule(rule, { queues: [{ ...queue, ...changes }], processes })

test('at whichever end the shell is', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7, container: 'c1' } }])
  expect(find({ pid: 7, remote_pid: null })).toMatchObject([{ about: { pid: 7 } }])
})

test.each([{ kind: 'pipe' }, { kind: null }, { remote_pid: null }, { size: 0 }, { size: null }])(
  '%j is none',
  (changes) => {
    expect(find(changes)).toEqual([])
  },
)
