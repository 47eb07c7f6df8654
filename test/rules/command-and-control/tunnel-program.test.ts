import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/command-and-control/tunnel-program.js'

const find = (exe: string | null, args: string[] | null, container: string | null = null) =>
  evaluateRule(rule, { processes: [{ pid: 7, ppid: null, comm: 'x', exe, args, container }] })

test.each([
  ['/tmp/chisel', ['chisel', 'client', 'x:443', 'R:socks'], null, 'high'],
  ['/usr/bin/ssh', ['ssh', '-fNR', '9000:localhost:22', 'x'], 'c1', 'low'],
  ['/usr/bin/ssh', ['ssh', '-D', '1080', 'x'], null, 'low'],
  ['/home/u/frpc', ['frpc'], null, 'medium'],
  ['/usr/local/bin/cloudflared', ['cloudflared', 'tunnel'], null, 'low'],
] as [string, string[], string | null, string][])('%s %j in %s is %s', (exe, args, container, severity) => {
  expect(find(exe, args, container)).toMatchObject([{ about: { pid: 7 }, severity }])
})

test.each([
  ['/usr/bin/ssh', ['ssh', '-tt', '-i', '/root/.ssh/id', 'root@x']],
  ['/usr/bin/vi', ['vi', '-R', 'x']],
  [null, null],
])('%s is none', (exe, args) => {
  expect(find(exe, args)).toEqual([])
})
