import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/network-bpf-program.js'

const attachment = {
  kind: 'interface',
  type: 'xdp',
  target: 'eth0',
  program: 1n,
  program_id: 5,
  name: 'x',
  hidden: false,
}
const plugin = { id: 'c1', image: 'quay.io/cilium/cilium:v1.15', pod_namespace: 'kube-system', init_pid: 9 }
const agent = { pid: 9, exe: '/usr/bin/cilium-agent', args: ['cilium-agent'], container: 'c1' }
const find = (changes: object, holder: object | null = null, containers: object[] = []) =>
  evaluateRule(
    rule,
    {
      attachments: [{ ...attachment, ...changes }],
      programs: [{ id: 5, pid: holder === null ? null : 7 }],
      processes: [agent, ...(holder === null ? [] : [{ pid: 7, comm: 'x', args: ['x'], container: null, ...holder }])],
      containers,
    },
    containers,
  )

test('a program at an interface, held or not', () => {
  expect(find({})).toMatchObject([
    { severity: 'medium', evidence: [{ table: 'bpf-attachments' }, { table: 'bpf-programs' }] },
  ])
  expect(find({}, { exe: '/tmp/x' })).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
  expect(find({ hidden: true })).toMatchObject([{ severity: 'critical' }])
})

test('those of a network plugin that runs here are told, no more', () => {
  expect(find({ name: 'cil_from_netdev' }, null, [plugin])).toMatchObject([{ severity: 'low' }])
  expect(find({ name: 'cil_from_netdev' })).toMatchObject([{ severity: 'medium' }])
})

test('those of cgroups are not', () => {
  expect(find({ kind: 'cgroup', type: 'cgroup_device' })).toEqual([])
})
