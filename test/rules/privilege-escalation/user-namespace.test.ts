import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/user-namespace.js'

const containers = [{ id: 'c1', init_pid: 10 }]
const host = { pid: 1, user_ns: 100, container: null }
const first = { pid: 10, user_ns: 100, container: 'c1' }
const process = { pid: 30, comm: 'sh', args: ['sh'], user_ns: 200, container: 'c1' }
const held = {
  pid: 30,
  uid: 1000,
  cap_effective: ['CAP_DAC_OVERRIDE', 'CAP_SETUID', 'CAP_SYS_ADMIN'],
  seccomp: 'filter',
  no_new_privs: false,
}
const find = (row: object, rights: object = held, init: object = first) =>
  evaluateRule(rule, { processes: [host, init, row], credentials: [rights] }, containers)

test('one in a container is found, and one that root made on the host', () => {
  expect(find(process)).toMatchObject([{ about: { pid: 30, container: 'c1' } }])
  expect(find({ ...process, container: null }, { ...held, uid: 0, seccomp: 'disabled' })).toHaveLength(1)
})

test('neither a container that has one, nor sandboxes, nor rootless engines, nor what is not known', () => {
  expect(find(process, held, { ...first, user_ns: 200 })).toEqual([])
  expect(find({ ...process, user_ns: 100 })).toEqual([])
  expect(find({ ...process, user_ns: null })).toEqual([])
  expect(find(process, { ...held, cap_effective: [] })).toEqual([])
  expect(find(process, { ...held, cap_effective: ['CAP_SYS_ADMIN'] })).toEqual([])
  expect(find(process, { ...held, cap_effective: null })).toEqual([])
  expect(find({ ...process, container: null }, { ...held, seccomp: 'disabled' })).toEqual([])
  expect(find({ ...process, container: null }, { ...held, uid: 0 })).toEqual([])
})
