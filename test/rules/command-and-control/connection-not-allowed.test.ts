import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/command-and-control/connection-not-allowed.js'

const file = { kind: 'file', detail: { records: { allowed: 1 } } }
const connection = {
  source: 'allow-list',
  kind: 'connection',
  subject: 'tcp 10.0.0.5:40000 → 198.51.100.7:443',
  pid: 7,
  container: 'c1',
  state: 'memory only',
  detail: { way: 'out', address: '198.51.100.7', port: 443 },
}

test('connections of one process to one service are one finding', () => {
  const again = { ...connection, subject: 'tcp 10.0.0.5:40001 → 198.51.100.7:443' }
  const found = evaluateRule(rule, { evidence: [file, connection, again, { ...connection, pid: 8 }] })
  expect(found).toMatchObject([{ about: { pid: 7 } }, { about: { pid: 8 } }])
  expect(found[0]?.summary).toMatch(/went out and is not covered by ‘allow-list’$/)
})

test('a flow that is in memory too is not', () => {
  const flows = [
    { ...connection, state: 'both' },
    { ...connection, state: 'evidence only' },
  ]
  expect(evaluateRule(rule, { evidence: [file, ...flows] })).toEqual([])
})
