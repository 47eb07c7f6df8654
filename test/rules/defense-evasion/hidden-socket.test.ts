import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/hidden-socket.js'

const socket = {
  pid: 7,
  comm: 'x',
  container: 'c1',
  protocol: 'tcp',
  path: null,
  local_address: '0.0.0.0',
  local_port: 4444,
}
const find = (unhashed: boolean | null, torn = false) =>
  evaluateRule(rule, { sockets: [{ ...socket, unhashed }], info: [{ torn }] })

test('a socket that is in no table is found, on torn memory only as a possibility', () => {
  expect(find(true)).toMatchObject([{ about: { pid: 7, container: 'c1' } }])
  expect(find(true, true)).toMatchObject([{ severity: 'low' }])
})

test.each([false, null])('unhashed %s is not', (unhashed) => {
  expect(find(unhashed)).toEqual([])
})
