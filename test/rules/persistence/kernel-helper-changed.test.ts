import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/kernel-helper-changed.js'

const find = (value: string | null, path: string | null = null, modified = '2026-01-02T00:00:00Z') =>
  evaluateRule(rule, {
    settings: [{ name: 'kernel.poweroff_cmd', value }],
    files: [{ path, type: 'file', mount_id: 27, container: null, modified }],
    mounts: [],
    info: [{ boot_time: '2026-01-01T00:00:00Z' }],
    containers: [],
  })

test('another program for shutting down, and one that was written since the boot', () => {
  expect(find('/tmp/x')).toMatchObject([{ evidence: [{ table: 'kernel-settings' }] }])
  expect(find('/sbin/poweroff', '/usr/sbin/request-key')).toMatchObject([{ severity: 'medium' }])
})

test.each(['/sbin/poweroff', '/usr/sbin/poweroff', '', null])('%s is usual', (value) => {
  expect(find(value)).toEqual([])
  expect(find(value, '/usr/bin/kmod', '2025-01-02T00:00:00Z')).toEqual([])
  expect(find(value, '/usr/bin/ls')).toEqual([])
})
