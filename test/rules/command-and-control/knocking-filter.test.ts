import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/command-and-control/knocking-filter.js'

const find = (exe: string | null, socket: object) =>
  evaluateRule(rule, {
    sockets: [{ pid: 7, family: 'packet', type: 'raw', filter: '(0) ldh [12]; (1) jeq #0x800 jt 2 jf 9', ...socket }],
    processes: [{ pid: 7, comm: 'x', args: ['x'], exe, container: null }],
  })

test('a filter of a program from elsewhere, and the number of a known backdoor in any', () => {
  expect(find('/dev/shm/kdmtmpflush (deleted)', {})).toMatchObject([{ about: { pid: 7 }, severity: 'high' }])
  expect(find('/usr/sbin/x', { filter: '(20) jeq #0x7255 jt 22 jf 21' })).toMatchObject([{ severity: 'critical' }])
})

test.each([
  ['/usr/lib/systemd/systemd-networkd', {}],
  ['/tmp/x', { filter: null }],
  ['/tmp/x', { family: 'unix', type: 'dgram' }],
  ['/tmp/x', { family: 'netlink', type: 'raw' }],
  ['/usr/sbin/x', { filter: '(1) jeq #0x72551 jt 2 jf 9' }],
  [null, {}],
])('%s with %j is none', (exe, socket) => {
  expect(find(exe, socket)).toEqual([])
})
