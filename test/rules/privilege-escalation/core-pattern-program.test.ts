import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/core-pattern-program.js'

const find = (value: string | null) => evaluateRule(rule, { settings: [{ name: 'kernel.core_pattern', value }] })

test.each([
  ['|/var/lib/docker/overlay2/ab12/diff/tmp/x', 'critical'],
  ['|/proc/%P/root/exploit', 'critical'],
  ['|/tmp/x %p', 'high'],
  ['|bin/x', 'high'],
])('%s is found', (value, severity) => {
  expect(find(value)).toMatchObject([{ severity }])
})

test.each([
  'core',
  '/var/crash/core.%p',
  '|/usr/lib/systemd/systemd-coredump %P %u',
  '|/usr/share/apport/apport -p%p',
  '|/bin/false',
  '|',
  '',
  null,
])('%s is not', (value) => {
  expect(find(value)).toEqual([])
})
