import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/audit-switched-off.js'

const auditd = { pid: 7, comm: 'auditd', exe: '/usr/sbin/auditd', args: ['auditd'], container: null }
const find = (value: string | null, process: object = auditd) =>
  evaluateRule(rule, { settings: [{ name: 'audit.enabled', value }], processes: [process] })

test('a daemon without anything to record is found', () => {
  expect(find('no')).toMatchObject([{ about: { pid: 7 } }])
})

test('neither where the kernel audits, nor where there is no daemon', () => {
  expect(find('yes')).toEqual([])
  expect(find(null)).toEqual([])
  expect(find('no', { ...auditd, exe: '/usr/bin/bash' })).toEqual([])
})
