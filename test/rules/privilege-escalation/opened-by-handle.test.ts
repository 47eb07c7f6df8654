import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/opened-by-handle.js'

const file = { pid: 9, container: 'c', fd: 3, type: 'file', path: '/', inode: 2, mount_id: 50 }
const mount = { id: 50, container: 'c', target: '/etc/hosts', source: '/dev/sda1' }
const process = { pid: 9, ppid: 1, comm: 'shocker', exe: '/shocker', args: ['/shocker'], container: 'c', mnt_ns: 2 }
const find = (change: object = {}, place: object = {}) =>
  evaluateRule(rule, {
    files: [{ ...file, ...change }],
    mounts: [{ ...mount, ...place }],
    programs: [],
    processes: [process],
  })

test('a file, or the root directory behind a single mounted file, that no mount shows', () => {
  expect(find()).toMatchObject([{ about: { pid: 9 }, summary: expect.stringContaining('past the mount at') }])
  expect(find({ type: 'directory' })).toHaveLength(1)
})

test('not what has a name, the root of a process, or what is on a mount that is gone', () => {
  expect(find({ path: '/etc/hosts' })).toEqual([])
  expect(find({ type: 'directory' }, { target: '/' })).toEqual([])
  expect(find({}, { id: 51 })).toEqual([])
  expect(find({ container: null })).toEqual([])
  expect(find({ mount_id: null })).toEqual([])
  expect(find({ type: null }, { target: null })).toEqual([])
})
