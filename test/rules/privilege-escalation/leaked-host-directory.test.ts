import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/leaked-host-directory.js'

const host = { pid: 1, mnt_ns: 1, container: null }
const process = { pid: 7, comm: 'sh', args: ['sh'], mnt_ns: 2, container: 'c1' }
const file = { pid: 7, fd: 8, type: 'directory', path: '/sys/fs/cgroup', mount_id: 31, container: 'c1' }
const mounts = [
  { mnt_ns: 1, id: 31 },
  { mnt_ns: 2, id: 99 },
]
const find = (row: object, of: object = process) =>
  evaluateRule(rule, { files: [row], mounts, processes: [host, of], programs: [] })

test('a directory on a mount of the host is found', () => {
  expect(find(file)).toMatchObject([{ about: { pid: 7, container: 'c1' } }])
})

test('neither one of the container, nor a file, nor one of a process in the mounts of the host', () => {
  expect(find({ ...file, mount_id: 99 })).toEqual([])
  expect(find({ ...file, mount_id: 5 })).toEqual([])
  expect(find({ ...file, mount_id: null })).toEqual([])
  expect(find({ ...file, type: 'file' })).toEqual([])
  expect(find({ ...file, container: null })).toEqual([])
  expect(find(file, { ...process, mnt_ns: 1 })).toEqual([])
})
