import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/management-client-in-container.js'

const containers = [{ id: 'c1', init_pid: 10 }]
const first = { pid: 10, ppid: 5, container: 'c1', exe: '/bin/app' }
const shim = { pid: 5, ppid: 1, container: null, exe: '/usr/bin/containerd-shim-runc-v2' }
const client = {
  pid: 7,
  ppid: 10,
  comm: 'kubectl',
  args: ['kubectl', 'get', 'secrets'],
  container: 'c1',
  exe: '/usr/local/bin/kubectl',
}
const find = (changes: object) =>
  evaluateRule(rule, { processes: [shim, first, { ...client, ...changes }], sockets: [] }, containers)

test.each([
  [{}, 'low'],
  [{ ppid: 5 }, 'medium'],
  [{ exe: '/tmp/kubectl' }, 'medium'],
])('%j is %s', (changes, severity) => {
  expect(find(changes)).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity }])
})

test.each([{ container: null }, { exe: '/usr/bin/cat' }, { exe: null }])('%j is none', (changes) => {
  expect(find(changes)).toEqual([])
})

const daemon = { pid: 11, ppid: 10, comm: 'dockerd', container: 'c1', mnt_ns: 4, exe: '/usr/bin/dockerd' }
const connection = { pid: 7, fd: 3, state: 'ESTABLISHED', remote_pid: 11 }

/** A client that an exec brought in, and that is connected with the engine of its container; what is different about them. */
function inner({ own = {}, engine = {}, sockets = [connection] as object[] }) {
  const processes = [shim, first, { ...client, mnt_ns: 4, ppid: 5, ...own }, { ...daemon, ...engine }]
  return evaluateRule(rule, { processes, sockets }, containers)
}

test('a client for the engine in its own container is told and is no sign', () => {
  expect(inner({})).toMatchObject([{ severity: 'info', evidence: [{ table: 'processes' }, { table: 'sockets' }] }])
})

test.each([
  ['of the host', { engine: { container: null } }],
  ['of a container around it', { engine: { container: 'c2' } }],
  ['in other mounts', { engine: { mnt_ns: 5 } }],
  ['that is a relay', { engine: { exe: '/usr/bin/socat' } }],
  ['that somebody brought', { engine: { exe: '/tmp/dockerd' } }],
  ['beside something else', { sockets: [connection, { ...connection, fd: 4, remote_pid: null }] }],
  ['that it does not talk with', { sockets: [{ ...connection, state: 'LISTEN' }] }],
  ['and is from an odd place', { own: { exe: '/tmp/kubectl' } }],
])('one that talks with an engine %s is one', (_, changes) => {
  expect(inner(changes)).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
})
