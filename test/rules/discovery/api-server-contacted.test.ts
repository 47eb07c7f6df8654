import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/discovery/api-server-contacted.js'

const containers = [{ id: 'c1', init_pid: 7, name: 'web', image: null }]
const find = (address: string | null, port: number | null, exe = '/app/server', container: string | null = 'c1') =>
  evaluateRule(
    rule,
    {
      processes: [{ pid: 7, ppid: 5, comm: 'x', args: ['x'], exe, container }],
      sockets: [{ pid: 7, container, state: 'ESTABLISHED', remote_address: address, remote_port: port }],
      tracked: null,
      environment: [{ name: 'KUBERNETES_SERVICE_HOST', value: '10.96.0.1' }],
    },
    containers,
  )

test.each([
  ['10.96.0.1', 443],
  ['10.0.2.2', 6443],
] as [string, number][])('%s:%i is told, and worse where somebody calls it by hand', (address, port) => {
  expect(find(address, port)).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity: 'info' }])
  expect(find(address, port, '/usr/bin/curl')).toMatchObject([{ severity: 'medium' }])
  expect(find(address, port, '/usr/bin/curl', null)).toEqual([])
})

test('a connection that is only tracked yet is told of its container', () => {
  const [[address, port]] = [['10.96.0.1', 443]] as [[string, number]]
  const row = {
    source_container: 'c1',
    destination: address,
    destination_port: port,
    reply_source: null,
    reply_source_port: null,
  }
  const found = evaluateRule(
    rule,
    {
      processes: [],
      sockets: [],
      tracked: [row, row],
      environment: [{ name: 'KUBERNETES_SERVICE_HOST', value: '10.96.0.1' }],
    },
    containers,
  )
  expect(found).toMatchObject([{ about: { container: 'c1' }, severity: 'info' }])
})

test.each([
  ['10.96.0.1', 80],
  ['203.0.113.9', 443],
  [null, null],
] as [string | null, number | null][])('%s:%s is not', (address, port) => {
  expect(find(address, port, '/usr/bin/curl')).toEqual([])
})
