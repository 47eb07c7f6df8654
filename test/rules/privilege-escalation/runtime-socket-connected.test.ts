import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/runtime-socket-connected.js'

const host = { pid: 1, comm: 'systemd', exe: '/sbin/init', container: null, mnt_ns: 100 }
const engine = {
  pid: 5,
  ppid: 1,
  comm: 'dockerd',
  exe: '/usr/bin/dockerd',
  args: ['dockerd'],
  container: null,
  mnt_ns: 100,
}
const client = { pid: 9, ppid: 8, comm: 'curl', exe: '/usr/bin/curl', args: ['curl'], container: 'c1', mnt_ns: 101 }
const accepted = { pid: 5, fd: 8, family: 'unix', path: '/run/docker.sock', remote_pid: 9 }
const find = (socket: object, ...processes: object[]) =>
  evaluateRule(rule, { sockets: [socket], processes: [host, ...processes] })

test('a process of a container that is connected to an engine is found, at a shim more severely', () => {
  expect(find(accepted, engine, client)).toMatchObject([{ about: { pid: 9 }, severity: 'medium' }])
  const shim = { ...engine, exe: '/usr/bin/containerd-shim-runc-v2' }
  expect(find({ ...accepted, path: '@/containerd-shim/x.sock' }, shim, client)).toMatchObject([{ severity: 'high' }])
})

test('neither the docker command of the host, nor another socket, nor what poses as an engine in a container', () => {
  expect(find(accepted, engine, { ...client, container: null })).toEqual([])
  expect(find({ ...accepted, path: '/run/dbus/system_bus_socket' }, engine, client)).toEqual([])
  expect(find({ ...accepted, remote_pid: null, path: null }, engine, client)).toEqual([])
  expect(find(accepted, { ...engine, container: 'c2' }, client)).toEqual([])
})
