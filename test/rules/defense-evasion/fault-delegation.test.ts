import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/fault-delegation.js'

const file = { pid: 7, fd: 3, path: 'anon_inode:[userfaultfd]' }
const process = { pid: 7, comm: 'x', exe: '/tmp/x', args: ['x'], container: null }
const find = (row: object, of: object = process) =>
  evaluateRule(rule, { files: [{ ...file, ...row }], processes: [of] })

test('one of no installed program, or in a container, is found; of a machine it is a remark', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
  expect(find({}, { ...process, exe: '/usr/bin/x', container: 'c1' })).toMatchObject([{ severity: 'medium' }])
  expect(find({}, { ...process, exe: '/usr/bin/qemu-system-x86_64' })).toMatchObject([{ severity: 'info' }])
})

test('another descriptor is not', () => {
  expect(find({ path: 'anon_inode:[eventpoll]' })).toEqual([])
  expect(find({ path: null })).toEqual([])
})
