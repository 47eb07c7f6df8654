/** What every rule over changed files is held to. */

import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import type rule from '../../dist/plugins/rules/persistence/authorized-keys-changed.js'

/** A rule of files that finds these where they were written since the boot, and never the others. */
export function findsChanged(changed: typeof rule, paths: readonly string[], others: readonly (string | null)[]): void {
  const find = (path: string | null, modified: string | null) =>
    evaluateRule(changed, {
      files: [{ path, type: 'file', mount_id: 27, container: null, modified }],
      mounts: [],
      info: [{ boot_time: '2026-01-01T00:00:00.000000Z' }],
      containers: [],
    })

  test.each(paths)('%s is found where it was written since the boot', (path) => {
    expect(find(path, '2026-01-02T00:00:00.000000Z')).toMatchObject([{ evidence: [{ table: 'files' }] }])
    expect(find(path, '2025-12-02T00:00:00.000000Z')).toEqual([])
    expect(find(path, null)).toEqual([])
  })

  test.each(others)('%s is not', (path) => {
    expect(find(path, '2026-01-02T00:00:00.000000Z')).toEqual([])
  })
}
