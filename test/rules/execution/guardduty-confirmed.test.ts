import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/guardduty-confirmed.js'

const file = { kind: 'file', detail: { records: { finding: 1 } } }
const found = (severity: number, seen: string | null, state = 'both') => ({
  kind: 'finding',
  subject: 'CryptoCurrency:Runtime/BitcoinTool.B',
  pid: 7,
  state,
  detail: { severity, seen },
})

test('it is as bad as GuardDuty says, and as sure as what memory has of it', () => {
  const evidence = [file, found(8, 'process'), found(5, 'container'), found(2, 'connection'), found(9, 'access key')]
  expect(evaluateRule(rule, { evidence })).toMatchObject([
    { severity: 'high', confidence: 'high', about: { pid: 7 } },
    { severity: 'medium', confidence: 'low' },
    { severity: 'low', confidence: 'high' },
    { severity: 'critical', confidence: 'high' },
  ])
})

test('what memory has nothing of is not', () => {
  expect(evaluateRule(rule, { evidence: [file, found(8, null, 'evidence only')] })).toEqual([])
})
