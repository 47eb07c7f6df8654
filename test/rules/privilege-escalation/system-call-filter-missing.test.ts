import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/privilege-escalation/system-call-filter-missing.js'

const containers = [{ id: 'c1', init_pid: 10 }]
const first = { pid: 10, container: 'c1', seccomp: 'filter' }
const held = { pid: 30, comm: 'sh', container: 'c1', seccomp: 'disabled' }
const process = { pid: 30, ppid: 5, comm: 'sh', exe: '/bin/sh', args: ['sh'], container: 'c1' }
const find = (row: object, ppid: number | null = 5, of: object = first) =>
  evaluateRule(
    rule,
    {
      credentials: [of, row],
      processes: [
        { ...process, pid: 10, ppid: 5 },
        { ...process, ppid },
      ],
      programs: [],
    },
    containers,
  )

test('one started from outside without the filter is found, one below the first process more severely', () => {
  expect(find(held)).toMatchObject([{ about: { pid: 30 }, severity: 'medium' }])
  expect(find(held, 10)).toMatchObject([{ severity: 'high' }])
})

test('neither one with the filter, nor where the container has none, nor what is not known', () => {
  expect(find({ ...held, seccomp: 'filter' })).toEqual([])
  expect(find({ ...held, seccomp: null })).toEqual([])
  expect(find(held, 5, { ...first, seccomp: 'disabled' })).toEqual([])
  expect(find({ ...held, container: null })).toEqual([])
})
