import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/lateral-movement/external-address-redirected.js'

const port = {
  address: '1.1.1.1',
  port: 443,
  target: '10.42.0.9',
  target_port: 443,
  target_container: 'c',
  comment: 'default/mitm:https external IP',
}
const find = (change: object = {}) => evaluateRule(rule, { ports: [{ ...port, ...change }] })

test('an address on the internet that leads to a pod', () => {
  expect(find()).toMatchObject([{ about: { container: 'c' }, summary: expect.stringContaining('1.1.1.1:443') }])
  expect(find({ address: '2606:4700::1111' })).toHaveLength(1)
})

test.each([
  { address: '10.0.0.7' },
  { address: '192.168.3.4' },
  { address: '172.20.0.1' },
  { address: '100.96.0.1' },
  { address: 'fd00::1' },
  { address: null },
  { comment: 'default/web:http cluster IP' },
  { comment: 'default/web:http loadbalancer IP' },
  { comment: null },
])('not %o', (change) => {
  expect(find(change)).toEqual([])
})
