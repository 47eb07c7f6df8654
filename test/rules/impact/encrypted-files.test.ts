import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/impact/encrypted-files.js'

const find = (count: number, name: (index: number) => string | null, changed = '2026-01-02T00:00:00Z') =>
  evaluateRule(rule, {
    files: Array.from({ length: count }, (_, index) => ({ path: name(index), type: 'file', container: null, changed })),
    info: [{ boot_time: '2026-01-01T00:00:00Z' }],
  })

test('the more files, the worse', () => {
  expect(find(30, (index) => `/srv/a${index}.docx.lockbit`)).toMatchObject([{ severity: 'medium' }])
  expect(find(200, (index) => `/srv/a${index}.sql.x9f`)).toMatchObject([{ severity: 'high' }])
})

test.each([
  ['few', 5, (index: number) => `/srv/a${index}.docx.lockbit`],
  ['archives', 200, (index: number) => `/srv/a${index}.sql.gz`],
  ['numbered', 200, (index: number) => `/var/log/a.txt.${1000 + index}`],
  ['plain', 200, (index: number) => `/srv/a${index}.docx`],
  ['unknown', 200, () => null],
] as [string, number, (index: number) => string | null][])('%s are none', (_, count, name) => {
  expect(find(count, name)).toEqual([])
})

test('nor are those that were renamed before the boot', () => {
  expect(find(200, (index) => `/srv/a${index}.docx.lockbit`, '2025-01-02T00:00:00Z')).toEqual([])
})
