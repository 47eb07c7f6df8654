import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/impact/miner.js'

const find = (row: object) =>
  evaluateRule(rule, { processes: [{ pid: 7, comm: 'x', args: ['x'], exe: '/usr/bin/x', ...row }] })

test.each([
  [{ args: ['x', '-o', 'stratum+tcp://pool.example:3333'] }, 'high', 'high'],
  [{ args: ['x', '--donate-level', '1'] }, 'high', 'high'],
  [{ exe: '/tmp/xmrig (deleted)' }, 'high', 'medium'],
  [{ comm: 'kdevtmpfsi' }, 'medium', 'low'],
])('%j is %s', (row, severity, confidence) => {
  expect(find(row)).toMatchObject([{ about: { pid: 7 }, severity, confidence }])
})

test.each([
  { args: ['grep', 'xmrig', '/var/log/syslog'] },
  { comm: 'kdevtmpfs', exe: null, args: [] },
  { args: null, comm: null, exe: null },
])('%j is none', (row) => {
  expect(find(row)).toEqual([])
})
