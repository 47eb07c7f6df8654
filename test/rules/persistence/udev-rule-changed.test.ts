import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/udev-rule-changed.js'

const find = (path: string | null, modified: string | null) =>
  evaluateRule(rule, {
    files: [{ path, type: 'file', mount_id: 27, container: null, modified }],
    mounts: [],
    info: [{ boot_time: '2026-01-01T00:00:00.000000Z' }],
    containers: [],
  })

test.each(['/etc/udev/rules.d/99-x.rules'])('%s is found where it was written since the boot', (path) => {
  expect(find(path, '2026-01-02T00:00:00.000000Z')).toMatchObject([{ evidence: [{ table: 'files' }] }])
  expect(find(path, '2025-12-02T00:00:00.000000Z')).toEqual([])
  expect(find(path, null)).toEqual([])
})

test.each(['/etc/udev/udev.conf', '/run/udev/rules.d/x.rules', null])('%s is not', (path) => {
  expect(find(path, '2026-01-02T00:00:00.000000Z')).toEqual([])
})
