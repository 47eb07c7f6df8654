import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/unconfined-container.js'

const container = { id: 'c1', init_pid: 7, kind: 'container', privileged: false, seccomp: 'disabled' }
const find = (row: object) =>
  evaluateRule(rule, {
    containers: [{ ...container, ...row }],
    credentials: [{ pid: 7, comm: 'sh', label: 'unconfined' }],
  })

test('a container without a filter is a remark', () => {
  expect(find({})).toMatchObject([{ about: { container: 'c1' }, summary: expect.stringContaining('AppArmor') }])
})

test('neither one with a filter, nor a privileged one, nor a sandbox, nor one that is gone', () => {
  for (const row of [
    { seccomp: 'filter' },
    { seccomp: null },
    { privileged: true },
    { kind: 'sandbox' },
    { init_pid: null },
  ]) {
    expect(find(row)).toEqual([])
  }
})
