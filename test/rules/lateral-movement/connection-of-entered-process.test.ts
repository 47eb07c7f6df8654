import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/lateral-movement/connection-of-entered-process.js'

const containers = [
  { id: 'c1', init_pid: 10, name: 'web', image: null },
  { id: 'c2', name: 'cache' },
]
const host = { pid: 1, ppid: 0, container: null, pid_ns: 1 }
const shim = { pid: 5, ppid: 1, container: null, exe: '/usr/bin/containerd-shim-runc-v2' }
const first = { pid: 10, ppid: 5, container: 'c1', exe: '/usr/sbin/nginx' }
const client = { pid: 20, ppid: 5, pid_ns: 2, container: 'c1', exe: '/usr/bin/redis-cli', args: ['redis-cli'] }
const below = { pid: 21, ppid: 20, pid_ns: 2, container: 'c1', exe: '/usr/bin/redis-cli', args: ['redis-cli'] }
const processes = [host, shim, first, client, below]
const socket = {
  pid: 20,
  family: 'inet',
  state: 'ESTABLISHED',
  local_address: '172.30.0.2',
  remote_address: '172.30.0.3',
  remote_port: 6379,
  remote_container: 'c2',
}

test('the connection of what came in from outside, or below it', () => {
  const found = evaluateRule(rule, { processes, sockets: [socket, { ...socket, pid: 21 }] }, containers)
  expect(found).toMatchObject([{ about: { pid: 20, container: 'c1' } }, { about: { pid: 21 } }])
  expect(found[0]?.summary).toContain('container ‘cache’')
})

test.each([
  { pid: 10 },
  { pid: 5 },
  { state: 'LISTEN', remote_port: 0 },
  { remote_address: '127.0.0.1' },
  { remote_address: '172.30.0.2' },
  { remote_address: null, remote_port: null },
  { family: 'unix' },
])('%j is none', (changes) => {
  expect(evaluateRule(rule, { processes, sockets: [{ ...socket, ...changes }] }, containers)).toEqual([])
})

test('where a container shares the host’s processes it may be an orphan of it', () => {
  const shared = processes.map((process) => ({ ...process, pid_ns: 1 }))
  expect(evaluateRule(rule, { processes: shared, sockets: [socket] }, containers)).toMatchObject([{ severity: 'low' }])
})
