import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/device-mounted.js'

const disk = { mnt_ns: 1, id: 1, container: null, device: '254:1', root: '/', target: '/', source: '/dev/vda1' }
const inside = { ...disk, mnt_ns: 2, id: 9, container: 'c1', target: '/mnt' }
const find = (mount: object, mounts: object | null = []) =>
  evaluateRule(rule, {
    containers: [{ id: 'c1', init_pid: 7, mounts }],
    mounts: [disk, mount],
    processes: [{ pid: 1, mnt_ns: 1 }],
  })

test('a disk of the host that nobody declared is found', () => {
  expect(find(inside)).toMatchObject([{ about: { container: 'c1', pid: 7 } }])
})

test('neither one that was declared, nor a part of it, nor another disk, nor where nothing is known of what was', () => {
  expect(find(inside, [{ source: '/', target: '/mnt' }])).toEqual([])
  expect(find({ ...inside, root: '/srv/data' })).toEqual([])
  expect(find({ ...inside, device: '254:16' })).toEqual([])
  expect(find({ ...inside, device: null, root: null, target: null })).toEqual([])
  expect(find(inside, null)).toEqual([])
})
