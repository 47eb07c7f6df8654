import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/audit-rules-gone.js'

const rules = { path: '/etc/audit/rules.d/audit.rules', container: null, size: 9000, deleted: false }
const find = ({ enabled = 'yes', count = '0', exe = '/usr/sbin/auditd', file = rules as object } = {}) =>
  evaluateRule(rule, {
    settings: [
      { name: 'audit.enabled', value: enabled },
      { name: 'audit.syscall_rules', value: count },
    ],
    processes: [{ pid: 9, comm: 'auditd', exe, args: ['auditd'], container: null }],
    files: [{ ...rules, ...file }],
  })

test('the daemon runs without a rule, and worse where a file has them', () => {
  expect(find()).toMatchObject([{ about: { pid: 9 }, severity: 'medium' }])
  expect(find({ file: { size: 244 } })).toMatchObject([{ severity: 'info' }])
})

test('not where there are rules, auditing is off, or no daemon runs', () => {
  expect(find({ count: '12' })).toEqual([])
  expect(find({ enabled: 'no' })).toEqual([])
  expect(find({ exe: '/usr/sbin/rsyslogd' })).toEqual([])
  expect(evaluateRule(rule, { settings: [], processes: [{ pid: 1 }], files: [{}] })).toEqual([])
})
