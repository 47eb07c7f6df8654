import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/block-device-open.js'

const devices = [
  { name: 'vda1', mount_points: ['/'] },
  { name: 'vdb', mount_points: null },
]
const file = { pid: 7, comm: 'debugfs', fd: 3, type: 'block', path: '/dev/vda1', container: 'c1' }
const find = (row: object) => evaluateRule(rule, { files: [{ ...file, ...row }], devices })

test('a disk of the host is worse than another one', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity: 'high' }])
  expect(find({ path: '/dev/vdb' })).toMatchObject([{ severity: 'medium' }])
  expect(find({ path: null })).toMatchObject([{ severity: 'medium' }])
})

test('neither one of a process of the host, nor another file', () => {
  expect(find({ container: null })).toEqual([])
  expect(find({ type: 'character' })).toEqual([])
})
