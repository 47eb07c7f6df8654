import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/exec-into-container.js'

const containers = [{ id: 'c1', init_pid: 10 }]
const shim = { pid: 5, ppid: 1, container: null, exe: '/usr/bin/containerd-shim-runc-v2' }
const first = { pid: 10, ppid: 5, container: 'c1', exe: '/usr/sbin/nginx' }
const below = { pid: 11, ppid: 10, container: 'c1', exe: '/usr/bin/sh' }
const shell = { pid: 20, ppid: 5, container: 'c1', exe: '/usr/bin/bash', args: ['bash'] }
const started = { pid: 21, ppid: 20, container: 'c1', exe: '/usr/bin/id' }

test('what is neither the first process nor below it is found once, and is worse at a terminal', () => {
  const processes = [shim, first, below, shell, started]
  expect(evaluateRule(rule, { processes, terminals: [], programs: [] }, containers)).toMatchObject([
    { about: { pid: 20, container: 'c1' }, severity: 'low' },
  ])
  const terminals = [{ name: 'pts0', session: 20 }]
  expect(evaluateRule(rule, { processes, terminals, programs: [] }, containers)).toMatchObject([
    { about: { pid: 20 }, severity: 'medium', evidence: [{ table: 'processes' }, { table: 'terminals' }] },
  ])
})

test('without the first process or a parent nobody can say', () => {
  expect(evaluateRule(rule, { processes: [shim, shell], terminals: [], programs: [] }, [{ id: 'c1' }])).toEqual([])
  const orphan = { ...shell, ppid: null }
  expect(evaluateRule(rule, { processes: [orphan], terminals: [], programs: [] }, containers)).toEqual([])
})
