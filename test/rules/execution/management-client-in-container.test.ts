import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/execution/management-client-in-container.js'

const containers = [{ id: 'c1', init_pid: 10 }]
const first = { pid: 10, ppid: 5, container: 'c1', exe: '/bin/app' }
const shim = { pid: 5, ppid: 1, container: null, exe: '/usr/bin/containerd-shim-runc-v2' }
const client = {
  pid: 7,
  ppid: 10,
  comm: 'kubectl',
  args: ['kubectl', 'get', 'secrets'],
  container: 'c1',
  exe: '/usr/local/bin/kubectl',
}
const find = (changes: object) =>
  evaluateRule(rule, { processes: [shim, first, { ...client, ...changes }] }, containers)

test.each([
  [{}, 'low'],
  [{ ppid: 5 }, 'medium'],
  [{ exe: '/tmp/kubectl' }, 'medium'],
])('%j is %s', (changes, severity) => {
  expect(find(changes)).toMatchObject([{ about: { pid: 7, container: 'c1' }, severity }])
})

test.each([{ container: null }, { exe: '/usr/bin/cat' }, { exe: null }])('%j is none', (changes) => {
  expect(find(changes)).toEqual([])
})
