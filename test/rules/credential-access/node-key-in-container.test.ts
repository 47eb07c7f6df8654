import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/node-key-in-container.js'

const file = {
  kind: 'private-key',
  where: 'file',
  name: 'RSA PRIVATE KEY',
  path: '/var/lib/kubelet/pki/kubelet-client-current.pem',
  container: null,
  pod: null,
  fingerprint: 'f',
}
const held = { ...file, where: 'memory', path: null, container: 'c', pid: 9, comm: 'python3' }
const find = (change: object = {}, of: object = {}) =>
  evaluateRule(rule, {
    secrets: [
      { ...file, ...of },
      { ...held, ...change },
      { ...held, ...change },
    ],
  })

test('a key of the node in the memory of a container, once', () => {
  expect(find()).toMatchObject([{ about: { pid: 9 }, summary: expect.stringContaining('kubelet-client-current') }])
  expect(find({ where: 'environment' }, { path: '/root/.ssh/id_ed25519' })).toHaveLength(1)
})

test('not the container’s own keys, nor keys that the host’s own processes have', () => {
  expect(find({ fingerprint: 'g' })).toEqual([])
  expect(find({ container: null })).toEqual([])
  const volume = '/var/lib/kubelet/pods/0/volumes/kubernetes.io~secret/tls/tls.key'
  expect(find({}, { path: volume })).toEqual([])
  expect(find({ fingerprint: null }, { fingerprint: null })).toEqual([])
  expect(find({ where: 'declaration' })).toEqual([])
})
