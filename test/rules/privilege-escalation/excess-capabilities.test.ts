import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/excess-capabilities.js'

const container = { id: 'c1', init_pid: 7, privileged: false, capabilities: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] }
const find = (...containers: object[]) => evaluateRule(rule, { containers }, containers)

test('a running container with a capability that leads out of it is a remark', () => {
  expect(find(container)).toMatchObject([{ about: { container: 'c1' }, summary: 'It may gain CAP_SYS_ADMIN' }])
})

test('neither the usual ones, nor those of a privileged or exited container, nor what is not known', () => {
  const usual = { ...container, capabilities: ['CAP_CHOWN', 'CAP_NET_RAW'] }
  const unknown = { ...container, capabilities: null }
  expect(find(usual, unknown, { ...container, privileged: true }, { ...container, init_pid: null })).toEqual([])
})
