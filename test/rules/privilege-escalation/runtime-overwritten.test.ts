import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/runtime-overwritten.js'

const info = [{ boot_time: '2026-01-01T00:00:00Z' }]
const host = { pid: 1, comm: 'systemd', exe: '/sbin/init', container: null, mnt_ns: 1 }
const shim = { ...host, pid: 5, ppid: 1, exe: '/usr/bin/containerd-shim-runc-v2', started: '2026-01-01T01:00:00Z' }
const runc = { path: '/usr/bin/runc', type: 'file', mount_id: 22, container: null, modified: '2026-01-02T00:00:00Z' }
const find = (row: object) => evaluateRule(rule, { files: [{ ...runc, ...row }], info, processes: [host, shim] })

test('a runtime that was written while containers ran is found', () => {
  expect(find({})).toHaveLength(1)
})

test('neither one with the time of its package, nor one that came before containers, nor another file', () => {
  expect(find({ modified: '2025-06-01T00:00:00Z' })).toEqual([])
  expect(find({ modified: '2026-01-01T00:30:00Z' })).toEqual([])
  expect(find({ modified: null })).toEqual([])
  expect(find({ path: '/usr/bin/vim' })).toEqual([])
  expect(find({ path: null })).toEqual([])
  expect(find({ mount_id: null })).toEqual([])
  expect(evaluateRule(rule, { files: [runc], info: [{ boot_time: null }], processes: [host, shim] })).toEqual([])
})
