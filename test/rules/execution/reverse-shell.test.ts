import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/reverse-shell.js'

const shell = { pid: 7, comm: 'bash', exe: '/usr/bin/bash', args: ['bash', '-i'], container: 'c1' }
const socket = { pid: 7, fd: 0, family: 'inet', remote_address: '198.51.100.7', remote_port: 443 }

test('a shell whose descriptors 0 to 2 are a connection is found once', () => {
  const found = evaluateRule(rule, {
    processes: [shell],
    sockets: [socket, { ...socket, fd: 1 }, { ...socket, fd: 2 }],
  })
  expect(found).toMatchObject([
    { about: { pid: 7, container: 'c1' }, evidence: [{ table: 'sockets' }, { table: 'processes' }] },
  ])
})

test('neither a service with a connection, nor a shell with a local socket or another descriptor is', () => {
  const processes = [shell, { ...shell, pid: 8, exe: '/usr/sbin/nginx' }]
  const sockets = [
    { ...socket, pid: 8 },
    { ...socket, family: 'unix' },
    { ...socket, fd: 3 },
  ]
  expect(evaluateRule(rule, { processes, sockets })).toEqual([])
})
