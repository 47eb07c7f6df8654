import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/gained-capabilities.js'

const MAP = ['0 0 4294967295']
const containers = [{ id: 'c1', init_pid: 7, privileged: false, capabilities: ['CAP_CHOWN'] }]
const processes = [{ pid: 8, ppid: 7, comm: 'sh', exe: '/usr/bin/dash', args: ['sh'], container: 'c1', mnt_ns: 2 }]
const held = { pid: 8, comm: 'sh', container: 'c1', cap_effective: ['CAP_CHOWN', 'CAP_SYS_ADMIN'], uid_map: MAP }
const find = (row: object, container: object = containers[0] ?? {}) =>
  evaluateRule(rule, {
    credentials: [{ pid: 1, uid_map: MAP, container: null }, row],
    processes,
    programs: [],
    containers: [container],
  })

test('a process with more than its container may gain is found', () => {
  expect(find(held)).toMatchObject([{ about: { pid: 8, container: 'c1' }, summary: '‘sh’ has CAP_SYS_ADMIN' }])
})

test('neither one within its bounds, nor one of another user namespace, nor what is not known', () => {
  expect(find({ ...held, cap_effective: ['CAP_CHOWN'] })).toEqual([])
  expect(find({ ...held, uid_map: ['0 100000 65536'] })).toEqual([])
  expect(find({ ...held, cap_effective: null, uid_map: null })).toEqual([])
  expect(find(held, { ...containers[0], capabilities: null })).toEqual([])
  expect(find(held, { ...containers[0], privileged: true })).toEqual([])
})
