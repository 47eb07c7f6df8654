import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/second-api-server.js'

const server = {
  pid: 7,
  comm: 'kube-apiserver',
  exe: '/usr/local/bin/kube-apiserver',
  args: ['kube-apiserver'],
  net_ns: 1,
}
const find = (...changes: object[]) =>
  evaluateRule(rule, { processes: changes.map((change) => ({ ...server, ...change })) })

test('a second one in the same network, and one that is open', () => {
  expect(find({}, { pid: 8 })).toMatchObject([{ severity: 'medium' }, { severity: 'medium' }])
  expect(find({ args: ['kube-apiserver', '--authorization-mode=AlwaysAllow'] })).toMatchObject([{ severity: 'high' }])
  const kubelet = { exe: '/usr/bin/kubelet', args: ['kubelet', '--anonymous-auth=true'] }
  expect(find(kubelet)).toMatchObject([{ about: { pid: 7 }, severity: 'medium' }])
})

test('neither the one there has to be nor those of other networks are', () => {
  expect(find({ args: ['kube-apiserver', '--authorization-mode=Node,RBAC', '--anonymous-auth=false'] })).toEqual([])
  expect(find({}, { net_ns: 2 })).toEqual([])
  expect(find({ exe: null, args: null })).toEqual([])
})
