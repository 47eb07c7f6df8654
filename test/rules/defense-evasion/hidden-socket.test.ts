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
const taken = '2026-01-01T12:00:00.000000Z'
const find = (unhashed: boolean | null, torn = false, more: object = {}) =>
  evaluateRule(rule, { sockets: [{ ...socket, unhashed, ...more }], info: [{ torn, taken }] })
const [moments, minutes, hours] = ['11:59:58', '11:57:00', '10:00:00'].map((time) => ({
  there_since: `2026-01-01T${time}.000000Z`,
}))
const MAY_HAVE_COME = expect.stringMatching(/, or came or went while memory was taken$/)

test('a socket that is in no table is found, on torn memory only as a possibility', () => {
  expect(find(true)).toMatchObject([{ about: { pid: 7, container: 'c1' } }])
  expect(find(true, true)).toMatchObject([{ severity: 'low' }])
})

test.each([false, null])('unhashed %s is not', (unhashed) => {
  expect(find(unhashed)).toEqual([])
})

test('one that has just come may have done so while memory was taken, though nothing else shows it', () => {
  const doubt = { severity: 'medium', confidence: 'low', summary: MAY_HAVE_COME }
  expect(find(true, false, moments)).toMatchObject([doubt])
  // So may one whose times are later than the image's: it, or the clock, is of another moment.
  expect(find(true, false, { there_since: '2026-01-01T12:00:09.000000Z' })).toMatchObject([doubt])
  expect(find(true, false, minutes)[0]).not.toHaveProperty('severity')
  expect(find(true, false, { there_since: null })[0]).not.toHaveProperty('severity')
})

test('on torn memory an old one is a lead, and a young one less', () => {
  expect(find(true, true, hours)).toMatchObject([
    { severity: 'medium', confidence: 'low', summary: expect.stringMatching(/no table$/) },
  ])
  expect(find(true, true, minutes)).toMatchObject([{ severity: 'low', confidence: 'low', summary: MAY_HAVE_COME }])
})

test('a connection of which both ends are done is about to go, and one that can still receive is not', () => {
  expect(find(true, false, { ...hours, state: 'LAST_ACK' })).toMatchObject([{ confidence: 'low' }])
  expect(find(true, false, { ...hours, state: 'FIN_WAIT2' })[0]).not.toHaveProperty('confidence')
})
