import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/shared-credentials.js'

test('processes with the same credentials are found, and no others', () => {
  const credentials = [
    { pid: 1, comm: 'systemd', container: null, address: 16, shared_with: 1 },
    { pid: 7, comm: 'x', container: 'c1', address: 16, shared_with: 1 },
    { pid: 8, comm: 'y', container: null, address: 32, shared_with: 0 },
    { pid: 9, comm: 'z', container: null, address: null, shared_with: null },
  ]
  expect(evaluateRule(rule, { credentials })).toMatchObject([
    { about: { pid: 1 }, summary: '‘systemd’ has the credentials of ‘x’ (7)' },
    { about: { pid: 7, container: 'c1' } },
  ])
})
