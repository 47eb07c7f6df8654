import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/discovery/intrusion-tool.js'

const find = (exe: string | null, args: string[] | null, container: string | null = null) =>
  evaluateRule(rule, { processes: [{ pid: 7, comm: 'x', exe, args, container }] })

test.each([
  ['/usr/bin/nmap', ['nmap', '-p', '10250', '10.0.0.0/24'], null, 'medium'],
  ['/tmp/masscan', ['./masscan'], null, 'high'],
  ['/usr/bin/bash', ['bash', '/root/linpeas.sh'], 'c1', 'medium'],
] as [string, string[], string | null, string][])('%s is %s', (exe, args, container, severity) => {
  expect(find(exe, args, container)).toMatchObject([{ about: { pid: 7 }, severity }])
})

test.each([
  ['/usr/bin/vi', ['vi', 'nmap']],
  ['/usr/bin/python3', ['python3', '-m', 'http.server']],
  [null, null],
])('%s is none', (exe, args) => {
  expect(find(exe, args)).toEqual([])
})
