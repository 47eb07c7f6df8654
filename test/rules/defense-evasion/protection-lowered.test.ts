import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/protection-lowered.js'

const find = (...settings: (readonly [string, string | null])[]) =>
  evaluateRule(rule, { settings: settings.map(([name, value]) => ({ name, value })) })

test('what is switched off is told, and SELinux that enforces nothing', () => {
  expect(find(['kernel.randomize_va_space', '0'])).toMatchObject([{ severity: 'medium' }])
  expect(find(['fs.protected_symlinks', '0'])).toMatchObject([{ severity: 'low' }])
  expect(find(['security.selinux.loaded', 'yes'], ['security.selinux.enforcing', 'no'])).toHaveLength(1)
})

test('the values of distributions are not', () => {
  expect(
    find(['kernel.randomize_va_space', '2'], ['vm.mmap_min_addr', '65536'], ['kernel.ftrace_enabled', null]),
  ).toEqual([])
  expect(find(['security.selinux.loaded', 'no'], ['security.selinux.enforcing', 'no'])).toEqual([])
})
