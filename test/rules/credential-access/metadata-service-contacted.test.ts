import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/metadata-service-contacted.js'

const socket = { pid: 7, comm: 'curl', container: 'c1', remote_address: '169.254.169.254', remote_port: 80 }
const connection = { container: null, source_container: 'c2', destination: '169.254.169.254', destination_port: 80 }
const find = (sockets: object[], connections: object[]) => evaluateRule(rule, { sockets, connections })

test('each container that asked is found once', () => {
  expect(find([socket, socket], [connection, { ...connection, source_container: 'c1' }])).toMatchObject([
    { about: { pid: 7, container: 'c1' } },
    { about: { container: 'c2' } },
  ])
})

test('neither the host, nor another address', () => {
  expect(find([{ ...socket, container: null }], [{ ...connection, source_container: null }])).toEqual([])
  expect(find([{ ...socket, remote_address: '10.0.0.1' }], [{ ...connection, destination: null }])).toEqual([])
})
