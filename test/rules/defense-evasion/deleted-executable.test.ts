import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/deleted-executable.js'

const find = (exe: string | null, container: string | null = null) =>
  evaluateRule(rule, { processes: [{ pid: 7, comm: 'x', args: ['x'], container, exe }] })

test.each([
  ['/tmp/.x/kdevtmpfsi (deleted)', null, 'high'],
  ['/tmp/xmrig (deleted)', 'c1', 'high'],
  ['/app/server (deleted)', 'c1', 'medium'],
  ['/usr/sbin/nginx (deleted)', 'c1', 'medium'],
  ['/usr/sbin/sshd (deleted)', null, 'low'],
])('%s in %s is %s', (exe, container, severity) => {
  expect(find(exe, container)).toMatchObject([{ about: { pid: 7, container }, severity }])
})

test.each(['/usr/bin/sleep', '/memfd:cfg (deleted)', '/tmp/(deleted)', null])('%s is not', (exe) => {
  expect(find(exe)).toEqual([])
})
