import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/ld-so-preload.js'

const preload = {
  path: '/etc/ld.so.preload',
  type: 'file',
  mount_id: 27,
  container: null,
  size: 20,
  modified: '2025-01-01T00:00:00Z',
}
const upper = '/var/lib/docker/overlay2/4f/diff'
const find = (...files: object[]) =>
  evaluateRule(rule, {
    files,
    mounts: [{ container: 'c1', mnt_ns: 9, target: '/', type: 'overlay', layers: [upper] }],
    info: [{ boot_time: '2026-01-01T00:00:00Z' }],
    containers: [{ id: 'c1', started: '2026-01-01T00:10:00Z' }],
  })

test('the file is found, and is worse where it was written since the start', () => {
  expect(find(preload)).toMatchObject([{ severity: 'medium' }])
  expect(find({ ...preload, modified: '2026-01-01T00:10:00Z' })).toMatchObject([{ severity: 'high' }])
  const inside = { ...preload, container: 'c1', path: `${upper}/etc/ld.so.preload`, modified: '2026-01-01T01:00:00Z' }
  expect(find(inside, { ...inside, path: '/etc/ld.so.preload' })).toMatchObject([
    { about: { container: 'c1' }, severity: 'high' },
  ])
  expect(find({ ...preload, path: '/etc/ld.so.conf.d/x.conf', modified: '2026-01-02T00:00:00Z' })).toMatchObject([
    { severity: 'low' },
  ])
})

test.each([
  { size: 0 },
  { deleted: true },
  { mount_id: null },
  { type: 'directory' },
  { path: '/etc/ld.so.cache' },
  { size: null },
])('%j is not', (changes) => {
  expect(find({ ...preload, ...changes })).toEqual([])
})
