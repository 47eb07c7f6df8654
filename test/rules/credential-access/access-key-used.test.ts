import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/access-key-used.js'

const file = { kind: 'file', detail: { records: { 'key-use': 3 } } }
const use = (from: string, state = 'both', subject = 'AKIAIOSFODNN7EXAMPLE') => ({
  kind: 'key-use',
  subject,
  pid: 7,
  state,
  detail: { calls: 2, from, call: 'sts:GetCallerIdentity' },
})

test('a key is found once, and is worse where it was used from several addresses', () => {
  const evidence = [file, use('198.51.100.7'), use('2001:db8::1'), use('ec2.amazonaws.com')]
  expect(evaluateRule(rule, { evidence })).toMatchObject([
    {
      about: { pid: 7 },
      severity: 'high',
      summary: expect.stringContaining('6 calls, from ‘198.51.100.7 2001:db8::1’'),
    },
  ])
  expect(evaluateRule(rule, { evidence: [file, use('198.51.100.7')] })).toMatchObject([{ severity: 'medium' }])
})

test('neither a key that was not used nor one that is not in memory is', () => {
  const evidence = [file, use('198.51.100.7', 'evidence only'), use('198.51.100.7', 'memory only')]
  expect(evaluateRule(rule, { evidence })).toEqual([])
})
