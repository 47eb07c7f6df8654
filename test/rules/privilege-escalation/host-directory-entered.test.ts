import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/host-directory-entered.js'

const host = { pid: 1, mnt_ns: 1, container: null }
const process = { pid: 7, ppid: 5, comm: 'sh', args: ['sh'], mnt_ns: 2, container: 'c1' }
const directory = { pid: 7, path: '/', mount_id: 31 }
const mounts = [
  { mnt_ns: 1, id: 31, target: '/sys/fs/cgroup' },
  { mnt_ns: 2, id: 99, target: '/' },
]
const find = (row: object, at: object = {}) =>
  evaluateRule(rule, {
    processes: [host, { ...process, ...row }],
    directories: [{ ...directory, ...at }],
    mounts,
    programs: [],
  })

test('a process of a container in a directory of the host is found', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7, container: 'c1' } }])
})

test('neither one in its own mounts, nor one of the host, nor one that is in the mounts of the host', () => {
  expect(find({}, { mount_id: 99 })).toEqual([])
  expect(find({}, { mount_id: null, path: null })).toEqual([])
  expect(find({ container: null })).toEqual([])
  expect(find({ mnt_ns: 1 })).toEqual([])
})
