import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/lateral-movement/ssh-from-this-host.js'

const nobody = { remote_pid: null, remote_comm: null, remote_container: null }
const session = {
  pid: 7,
  protocol: 'tcp',
  state: 'ESTABLISHED',
  remote_address: '127.0.0.1',
  remote_port: 5000,
  ...nobody,
}
const find = (socket: object, exe = '/usr/sbin/sshd') =>
  evaluateRule(rule, {
    sockets: [{ ...session, ...socket }],
    processes: [{ pid: 7, comm: 'sshd', container: null, args: ['sshd: root'], exe }],
  })

test('a login whose other end is on this host is found; one from elsewhere is told', () => {
  expect(find({ remote_pid: 9, remote_comm: 'ssh' })).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
  expect(find({ remote_container: 'c1' })).toMatchObject([{ severity: 'medium' }])
  expect(find({ remote_address: '203.0.113.9' })).toMatchObject([{ severity: 'info' }])
  expect(find({ remote_pid: 9 }, '/usr/lib/openssh/sshd-session')).toMatchObject([{ severity: 'medium' }])
})

test('neither the server that waits nor another program is', () => {
  expect(find({ state: 'LISTEN' })).toEqual([])
  expect(find({ remote_pid: 9 }, '/usr/bin/ssh')).toEqual([])
  expect(find({ pid: null, remote_pid: 9 })).toEqual([])
})
