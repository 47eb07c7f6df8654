import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/impact/limits-reached.js'

const find = (text: string | null, processes: number | null = 1) =>
  evaluateRule(rule, { log: [{ text }, { text }], cgroups: [{ path: '/x', container: 'c1', processes }], limits: [] })

test('what the kernel wrote is told once', () => {
  expect(find('Memory cgroup out of memory: Killed process 7 (x)')).toMatchObject([
    { severity: 'low', evidence: [{}, {}] },
  ])
  expect(find('cgroup: fork rejected by pids controller in /docker/c1')).toMatchObject([{ severity: 'medium' }])
})

test('so are very many processes', () => {
  expect(find(null, 5000)).toMatchObject([{ about: { container: 'c1' }, severity: 'medium' }])
  expect(find(null, null)).toEqual([])
  expect(find('eth0: link up', 20)).toEqual([])
})

test('so is a container that has as many tasks as it may have', () => {
  const of = (limit: object) => evaluateRule(rule, { log: [], cgroups: [], limits: [{ container: 'c1', ...limit }] })
  expect(of({ pids_used: 64, pids_limit: 64 })).toMatchObject([{ about: { container: 'c1' }, severity: 'medium' }])
  expect(of({ pids_used: 9, pids_limit: 64 })).toEqual([])
  expect(of({ pids_used: 9, pids_limit: null })).toEqual([])
  expect(of({ pids_used: null, pids_limit: 64 })).toEqual([])
  expect(of({ container: null, pids_used: 64, pids_limit: 64 })).toEqual([])
})
