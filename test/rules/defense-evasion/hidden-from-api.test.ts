import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/hidden-from-api.js'

const file = { kind: 'file', subject: 'kubectl get', detail: { records: { listing: 1, pod: 3 } } }
const hidden = {
  source: 'kubectl get',
  kind: 'pod',
  subject: 'shop/ghost',
  container: 'c1',
  state: 'memory only',
  detail: { id: 'u1', whole_list: true },
}

test('a pod and a container that a list does not have are found', () => {
  const evidence = [file, hidden, { ...hidden, kind: 'container', subject: 'x', detail: { whole_list: false } }]
  expect(evaluateRule(rule, { evidence })).toMatchObject([
    { about: { container: 'c1' }, summary: expect.stringContaining('‘shop/ghost’') },
    // What was asked for by name need not be all that there is.
    { severity: 'medium', confidence: 'low' },
  ])
})

test('what both have, what only the list has and connections are not', () => {
  const others = [
    { ...hidden, state: 'both' },
    { ...hidden, state: 'evidence only' },
    { ...hidden, kind: 'connection' },
  ]
  expect(evaluateRule(rule, { evidence: [file, ...others] })).toEqual([])
})

test('without a list it is not evaluated', () => {
  expect(rule.lacks?.({ evidence: { rows: [], where: () => [] } })).toMatch(/^no --evidence says anything of all/)
})
