import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/runtime-opened-for-writing.js'

const file = { pid: 7, comm: 'x', fd: 3, type: 'file', path: '/usr/bin/runc', flags: '0100001', container: null }
const find = (row: object) => evaluateRule(rule, { files: [{ ...file, ...row }] })

test('a runtime that is open for writing is found, in a container more severely', () => {
  expect(find({})).toMatchObject([{ severity: 'high' }])
  expect(find({ container: 'c1', path: '/proc/self/exe/runc', flags: '02100002' })).toMatchObject([
    { severity: 'critical' },
  ])
})

test('neither one that is read, nor another file, nor what is not known', () => {
  expect(find({ flags: '0100000' })).toEqual([])
  expect(find({ path: '/var/log/containerd' })).toEqual([])
  expect(find({ path: '/usr/bin/runc.log' })).toEqual([])
  expect(find({ flags: null })).toEqual([])
  expect(find({ path: null })).toEqual([])
})
