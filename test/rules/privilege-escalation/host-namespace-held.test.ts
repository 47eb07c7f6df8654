import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/host-namespace-held.js'

const host = { pid: 1, mnt_ns: 1, net_ns: 3, container: null }
const process = { pid: 7, comm: 'x', args: ['x'], mnt_ns: 2, net_ns: 4, container: 'c1' }
const file = { pid: 7, fd: 5, type: 'namespace', path: 'mnt:[1]', inode: 1 }
const find = (row: object, of: object = process) =>
  evaluateRule(rule, { files: [{ ...file, ...row }], processes: [host, of], programs: [] })

test('a namespace of the host is found, its mounts more severely than its network', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity: 'high' }])
  expect(find({ inode: 3, path: 'net:[3]' })).toMatchObject([{ severity: 'medium' }])
})

test('neither one of a container, nor what it shares, nor what the host holds', () => {
  expect(find({ inode: 2 })).toEqual([])
  expect(find({ inode: null })).toEqual([])
  expect(find({ inode: 3 }, { ...process, net_ns: 3 })).toEqual([])
  expect(find({}, { ...process, container: null })).toEqual([])
})
