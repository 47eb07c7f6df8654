import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/command-and-control/tunnel-interface.js'

const find = (kind: string | null, container: string | null = 'c1') =>
  evaluateRule(rule, { interfaces: [{ name: 'tun0', kind, container }] })

test.each(['tun', 'wireguard'])('%s in a container', (kind) => {
  expect(find(kind)).toMatchObject([{ about: { container: 'c1' }, severity: 'medium' }])
})

test('neither another interface nor one of the host is', () => {
  expect(find('veth')).toEqual([])
  expect(find('ipip')).toEqual([])
  expect(find(null)).toEqual([])
  expect(find('wireguard', null)).toEqual([])
})
