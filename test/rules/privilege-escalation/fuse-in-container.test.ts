import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/fuse-in-container.js'

const mount = { container: 'c', target: '/tmp/x', type: 'fuse.exploit', source: 'exploit' }
const find = (change: object = {}, mounts: object[] | null = []) =>
  evaluateRule(rule, { mounts: [{ ...mount, ...change }], containers: [{ id: 'c', init_pid: 5, mounts }] })

test('a file system of its own programs', () => {
  expect(find()).toMatchObject([{ about: { container: 'c', pid: 5 } }])
  expect(find({ type: 'fuse' })).toHaveLength(1)
})

test('not what was declared, what is none, or where nothing is known of what was declared', () => {
  expect(
    find({ target: '/proc/cpuinfo', type: 'fuse.lxcfs' }, [{ source: '/var/lib/lxcfs', target: '/proc' }]),
  ).toEqual([])
  expect(find({ type: 'fusectl' })).toEqual([])
  expect(find({ type: 'ext4' })).toEqual([])
  expect(find({ container: null })).toEqual([])
  expect(find({}, null)).toEqual([])
})
