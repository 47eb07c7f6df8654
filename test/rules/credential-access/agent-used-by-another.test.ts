import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/agent-used-by-another.js'

const socket = { pid: 7, fd: 4, family: 'unix', path: '/tmp/ssh-XXab12/agent.6', remote_pid: 8 }
const find = (row: object, uid: number | null = 0) =>
  evaluateRule(rule, {
    sockets: [{ ...socket, ...row }],
    credentials: [
      { pid: 7, comm: 'sshd', uid: 1000, container: null },
      { pid: 8, comm: 'ssh', uid, container: null },
    ],
  })

test('the agent of another user is found', () => {
  expect(find({})).toMatchObject([{ about: { pid: 8 } }])
})

test('neither its own, nor another socket, nor what is not known', () => {
  expect(find({}, 1000)).toEqual([])
  expect(find({}, null)).toEqual([])
  expect(find({ path: '/run/dbus/system_bus_socket' })).toEqual([])
  expect(find({ path: null })).toEqual([])
  expect(find({ remote_pid: null })).toEqual([])
})
