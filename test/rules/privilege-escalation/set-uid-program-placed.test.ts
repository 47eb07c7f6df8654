import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/set-uid-program-placed.js'

const mounts = [{ container: 'c1', mnt_ns: 5, target: '/', type: 'overlay', layers: ['/ov/1/diff'] }]
const containers = [{ id: 'c1', init_pid: 7, started: '2026-01-01T00:00:00Z' }]
const file = { type: 'file', mode: '-rwsr-xr-x', uid: 0, mount_id: 3, container: null, path: '/tmp/sh', deleted: false }
const inside = { ...file, container: 'c1', path: '/ov/1/diff/usr/bin/sh', changed: '2026-01-01T01:00:00Z' }
const find = (row: object) => evaluateRule(rule, { files: [row], mounts, containers })

test('one in a folder for temporary files, or made in a running container, is found', () => {
  expect(find(file)).toMatchObject([{ severity: 'high' }])
  expect(find(inside)).toMatchObject([{ about: { container: 'c1' }, severity: 'medium' }])
})

test('neither those of packages and images, nor of another user, nor what is none', () => {
  expect(find({ ...file, path: '/usr/bin/sudo' })).toEqual([])
  expect(find({ ...file, path: null, mode: null })).toEqual([])
  expect(find({ ...file, uid: 1000 })).toEqual([])
  expect(find({ ...file, mode: '-rwxr-xr-x' })).toEqual([])
  expect(find({ ...inside, changed: '2026-01-01T00:00:01Z' })).toEqual([])
  expect(find({ ...inside, path: '/ov/0/diff/usr/bin/su' })).toEqual([])
  expect(find({ ...inside, changed: null })).toEqual([])
})
