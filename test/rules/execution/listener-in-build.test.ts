import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/listener-in-build.js'

const socket = { pid: 7, container: 'b1', state: 'LISTEN', local_address: '0.0.0.0', local_port: 8000 }
const find = (changes: object, kind: string | null = 'build') =>
  evaluateRule(rule, {
    containers: [{ id: 'b1', kind }],
    sockets: [{ ...socket, ...changes }],
    processes: [{ pid: 7, comm: 'x', args: ['x'], container: 'b1' }],
  })

test('what a build lets others call', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7, container: 'b1' } }])
})

test.each([
  { state: 'ESTABLISHED' },
  { local_address: '127.0.0.1' },
  { local_address: null },
  { pid: null },
  { container: 'c1' },
])('%j is none', (changes) => {
  expect(find(changes)).toEqual([])
})

test('nor is a service', () => {
  expect(find({}, 'container')).toEqual([])
})
