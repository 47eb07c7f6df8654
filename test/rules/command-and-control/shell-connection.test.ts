import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/command-and-control/shell-connection.js'

const shell = { pid: 7, ppid: 3, comm: 'bash', exe: '/usr/bin/bash', args: ['bash'], container: 'c1' }
const socket = {
  pid: 7,
  fd: 7,
  address: 1n,
  family: 'inet',
  state: 'ESTABLISHED',
  remote_address: '10.0.0.3',
  remote_port: 80,
}
const find = (sockets: object[], processes: object[] = [shell], terminals: object[] = []) =>
  evaluateRule(rule, { sockets, processes, terminals })

test('a shell that is connected is found, and is worse where somebody types into it', () => {
  expect(find([socket])).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity: 'medium' }])
  expect(find([socket], [shell], [{ session: 7 }])).toMatchObject([{ severity: 'high' }])
})

test.each([
  ['its input, which has a rule of its own', [socket, { ...socket, fd: 0 }]],
  ['local', [{ ...socket, family: 'unix' }]],
  ['listening', [{ ...socket, state: 'LISTEN', remote_port: 0 }]],
  ['not connected', [{ ...socket, remote_port: null }]],
  ['its parent’s, which forgot to close it', [socket, { ...socket, pid: 3 }]],
])('what is %s is not', (_, sockets) => {
  expect(find(sockets)).toEqual([])
})

test('nor is another program', () => {
  const busybox = { ...shell, exe: '/bin/busybox', args: ['nc', '10.0.0.3', '80'], comm: 'nc' }
  expect(find([socket], [busybox])).toEqual([])
  expect(find([socket], [{ ...shell, exe: null }])).toEqual([])
})
