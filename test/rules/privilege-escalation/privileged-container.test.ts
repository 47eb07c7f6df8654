import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/privileged-container.js'

test('a privileged container is a remark, and no other is one', () => {
  const containers = [
    { id: 'c1', init_pid: 7, image: null, privileged: true },
    { id: 'c2', init_pid: 8, privileged: false },
    { id: 'c3', init_pid: null, privileged: null },
  ]
  const processes = [{ pid: 7, container: 'c1', exe: '/usr/bin/x' }]
  expect(evaluateRule(rule, { containers, processes }, containers)).toMatchObject([
    { about: { container: 'c1', pid: 7 }, severity: 'low' },
  ])
  const dropped = [...processes, { pid: 9, container: 'c1', exe: '/tmp/x (deleted)' }]
  expect(evaluateRule(rule, { containers, processes: dropped }, containers)).toMatchObject([{ severity: 'medium' }])
})
