import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/defense-evasion/history-switched-off.js'

const find = (name: string, value: string | null) =>
  evaluateRule(rule, { environment: [{ pid: 7, comm: 'bash', container: null, name, value }] })

test.each([
  ['HISTFILE', '/dev/null'],
  ['HISTSIZE', '0'],
])('%s=%s is found', (name, value) => {
  expect(find(name, value)).toMatchObject([{ about: { pid: 7 } }])
})

test.each([
  ['HISTFILE', '/root/.bash_history'],
  ['HISTSIZE', '1000'],
  ['HISTFILE', null],
  ['PATH', '/dev/null'],
])('%s=%s is not', (name, value) => {
  expect(find(name, value)).toEqual([])
})
