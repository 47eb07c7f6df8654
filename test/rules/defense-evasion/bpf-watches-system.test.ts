import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/bpf-watches-system.js'

const program = {
  id: 3,
  type: 'raw_tracepoint',
  name: 'p',
  function: null,
  attached_to: ['raw_tracepoint sys_enter'],
  pid: 7,
  container: null,
}
const holder = { pid: 7, comm: 'x', exe: '/lab/x', args: ['x'], container: null }
const agent = { ...holder, comm: 'systemd', exe: '/usr/lib/systemd/systemd' }
const find = (row: object, of: object = holder) =>
  evaluateRule(rule, { programs: [{ ...program, ...row }], processes: [of] })

test('one of nobody known is found, one at what lists things more severely', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
  expect(find({ type: 'kprobe', attached_to: ['kprobe __x64_sys_getdents64'] })).toMatchObject([{ severity: 'high' }])
  expect(find({ attached_to: null, pid: null, function: 'tcp4_seq_show', type: 'tracing' })).toMatchObject([
    { severity: 'high' },
  ])
})

test('neither one of systemd, nor one that filters a cgroup, nor what is named as an agent in a container', () => {
  expect(find({ type: 'lsm', attached_to: ['lsm_mac bpf_lsm_file_open'] }, agent)).toEqual([])
  expect(find({ type: 'cgroup_skb' })).toEqual([])
  expect(find({ type: null })).toEqual([])
  expect(find({}, { ...agent, container: 'c1' })).toHaveLength(1)
})
