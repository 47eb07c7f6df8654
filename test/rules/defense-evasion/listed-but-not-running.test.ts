import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/listed-but-not-running.js'

const file = { kind: 'file', detail: { records: { container: 1, pod: 1 } } }
const missing = {
  source: 'kubectl get',
  kind: 'pod',
  subject: 'shop/web',
  pod: 'shop/web',
  state: 'evidence only',
  detail: { running: true, memory_state: 'exited' },
}
const inside = { ...missing, kind: 'container', subject: 'c', detail: { running: true, memory_state: null } }

test('a pod is found once, without its containers, and a container whose pod is there', () => {
  const evidence = [file, missing, inside, { ...inside, pod: 'shop/other' }]
  expect(evaluateRule(rule, { evidence }).map(({ summary }) => summary)).toEqual([
    'the pod ‘shop/web’ runs by ‘kubectl get’, and in memory it is exited',
    'the container ‘c’ runs by ‘kubectl get’, and in memory nothing is known of it',
  ])
})

test('what the list says to have ended is not', () => {
  const ended = { ...missing, detail: { running: false, memory_state: null } }
  const unknown = { ...missing, detail: null }
  expect(evaluateRule(rule, { evidence: [file, ended, unknown, { ...missing, state: 'both' }] })).toEqual([])
})
