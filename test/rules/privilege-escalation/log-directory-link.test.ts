import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/log-directory-link.js'

const link = { type: 'symlink', path: '/var/log/pods/x', size: 1, mount_id: 22, deleted: false }
const find = (row: object) => evaluateRule(rule, { files: [{ ...link, ...row }] })

test('a link to the root is found', () => {
  expect(find({})).toHaveLength(1)
})

test('neither a longer one, nor one elsewhere, nor a file, nor one that is gone', () => {
  for (const row of [
    { size: 30 },
    { size: null },
    { path: '/srv/x' },
    { path: null },
    { type: 'file' },
    { deleted: true },
  ]) {
    expect(find(row)).toEqual([])
  }
})
