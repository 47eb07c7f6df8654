import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/discovery/packet-socket.js'

const find = (exe: string | null, container: string | null, socket: object = {}) =>
  evaluateRule(rule, {
    sockets: [{ pid: 7, fd: 3, family: 'packet', subject: '0x0003', ...socket }],
    processes: [{ pid: 7, comm: 'x', args: ['x'], exe, container }],
  })

test.each([
  ['/tmp/.d', 'c1', 'medium'],
  ['/usr/sbin/tcpdump', 'c1', 'medium'],
  ['/usr/bin/systemd-networkd', 'c1', 'medium'],
  ['/lab/x', null, 'high'],
  ['/usr/sbin/tcpdump', null, 'low'],
])('%s in %s is %s', (exe, container, severity) => {
  expect(find(exe, container)).toMatchObject([{ about: { pid: 7, container }, severity }])
})

test('what takes no data but neighbours’ addresses is less', () => {
  expect(find('/speaker', 'c1', { subject: '0x0806' })).toMatchObject([{ severity: 'low' }])
})

test('what gets the host its address is not, nor are other sockets', () => {
  expect(find('/usr/lib/systemd/systemd-networkd', null)).toEqual([])
  expect(find('/usr/sbin/dhclient', null)).toEqual([])
  expect(find('/tmp/.d', 'c1', { family: 'inet' })).toEqual([])
  expect(find('/tmp/.d', 'c1', { pid: null })).toEqual([])
})
