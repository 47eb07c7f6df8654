import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/discovery/connection-attempts.js'

const find = (count: number, port: (index: number) => number, state = 'SYN_SENT', pid: number | null = 7) =>
  evaluateRule(rule, {
    sockets: Array.from({ length: count }, (_, index) => ({
      pid,
      state,
      remote_address: '10.0.0.1',
      remote_port: port(index),
    })),
    processes: [{ pid: 7, comm: 'x', args: ['x'], exe: '/usr/bin/x' }],
  })

test('many places at once', () => {
  expect(find(40, (index) => index)).toMatchObject([{ about: { pid: 7 }, severity: 'low' }])
  expect(find(400, (index) => index)).toMatchObject([{ severity: 'medium' }])
})

test('neither few, nor one place often, nor what is connected is', () => {
  expect(find(5, (index) => index)).toEqual([])
  expect(find(400, () => 443)).toEqual([])
  expect(find(400, (index) => index, 'ESTABLISHED')).toEqual([])
  expect(find(400, (index) => index, 'SYN_SENT', null)).toEqual([])
})
