import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/host-namespaces.js'

const host = { pid: 1, container: null, comm: 'systemd', mnt_ns: 1, pid_ns: 2, net_ns: 3, ipc_ns: 4 }
const first = { pid: 7, container: 'c1', comm: 'sh', mnt_ns: 9, pid_ns: 2, net_ns: 33, ipc_ns: null }
const find = (container: object, process: object) =>
  evaluateRule(rule, { containers: [container], processes: [host, process] })

test('a container in a namespace of the host is a remark', () => {
  expect(find({ id: 'c1', kind: 'container', init_pid: 7 }, first)).toMatchObject([
    { about: { container: 'c1' }, summary: 'It shares the host’s processes' },
  ])
})

test('neither one with its own, nor a sandbox, nor one that is gone', () => {
  expect(find({ id: 'c1', kind: 'container', init_pid: 7 }, { ...first, pid_ns: 22 })).toEqual([])
  expect(find({ id: 'c1', kind: 'sandbox', init_pid: 7 }, first)).toEqual([])
  expect(find({ id: 'c1', kind: 'container', init_pid: null }, first)).toEqual([])
  expect(find({ id: 'c1', kind: 'container', init_pid: 70 }, first)).toEqual([])
})
