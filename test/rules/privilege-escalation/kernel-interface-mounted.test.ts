import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/kernel-interface-mounted.js'

const mount = { mnt_ns: 2, id: 9, container: 'c1', type: 'cgroup', target: '/tmp/cgrp', options: 'rw,relatime' }
const find = (row: object, mounts: object | null = []) =>
  evaluateRule(rule, { mounts: [{ ...mount, ...row }], containers: [{ id: 'c1', init_pid: 7, mounts }] })

test('a cgroup hierarchy or proc that was mounted from inside is found', () => {
  expect(find({})).toMatchObject([{ about: { container: 'c1', pid: 7 } }])
  expect(find({ type: 'proc', target: '/mnt/p' })).toHaveLength(1)
})

test('neither what is in its usual place, read-only or declared, nor another kind, nor what nobody knows', () => {
  expect(find({ target: '/sys/fs/cgroup' })).toEqual([])
  expect(find({ options: 'ro' })).toEqual([])
  expect(find({ target: '/host/sys/fs/cgroup' }, [{ source: '/', target: '/host' }])).toEqual([])
  expect(find({ type: 'tmpfs' })).toEqual([])
  expect(find({ type: null, target: null, options: null })).toEqual([])
  expect(find({}, null)).toEqual([])
  expect(find({ container: null })).toEqual([])
})
