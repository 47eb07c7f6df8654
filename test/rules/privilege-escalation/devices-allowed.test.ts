import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/devices-allowed.js'

const container = { id: 'c1', init_pid: 7, privileged: false, runtime: 'docker' }
const other = { ...container, id: 'c2', init_pid: 8 }
const gate = { type: 'cgroup_device', container: 'c1', program_id: 3 }
const find = (containers: object[], attachments: object[], size: number | null = 552) =>
  evaluateRule(rule, { containers, attachments, programs: [{ id: 3, size }] }, containers)

test('one whose program tests nothing is found', () => {
  expect(find([container], [gate], 64)).toMatchObject([{ about: { container: 'c1' } }])
})

test('neither one whose program tests, nor a privileged one, nor where no program is known', () => {
  expect(find([container], [gate])).toEqual([])
  expect(find([container], [gate], null)).toEqual([])
  expect(find([{ ...container, privileged: true }], [gate], 64)).toEqual([])
  expect(find([{ ...container, privileged: null }], [gate], 64)).toEqual([])
  expect(find([container, other], [])).toEqual([])
})
