import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/security-agent-stopped.js'

const process = { pid: 7, comm: 'auditd', exe: '/usr/sbin/auditd', args: ['/sbin/auditd'], state: 'T', container: null }
const find = (row: object) => evaluateRule(rule, { processes: [{ ...process, ...row }] })

test('an agent that is stopped is found', () => {
  expect(find({})).toMatchObject([{ about: { pid: 7 } }])
  expect(find({ state: 't', args: null })).toHaveLength(1)
})

test('neither one that runs or sleeps, nor another program that is stopped', () => {
  expect(find({ state: 'S' })).toEqual([])
  expect(find({ state: null })).toEqual([])
  expect(find({ exe: '/usr/bin/vim' })).toEqual([])
  expect(find({ exe: null })).toEqual([])
})
