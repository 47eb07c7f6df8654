import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/host-secret-paid-by-container.js'

const paid = { on_host: true, container: 'c1', bytes: 4096 }
const find = (...rows: object[]) => evaluateRule(rule, { payers: rows.map((row) => ({ ...paid, ...row })) })

test.each([
  '/etc/shadow',
  '/etc/gshadow-',
  '/etc/ssh/ssh_host_ed25519_key',
  '/etc/kubernetes/admin.conf',
  '/etc/kubernetes/pki/ca.key',
  '/var/lib/kubelet/pki/kubelet-client-current.pem',
  '/root/.ssh/id_ed25519',
  '/home/deploy/.aws/credentials',
  '/root/.bash_history',
])('%s is found', (path) => {
  expect(find({ path })).toMatchObject([{ about: { container: 'c1' }, evidence: [{ table: 'file-payers' }] }])
})

test('one container is found once, whatever it has read', () => {
  const [found, ...more] = find({ path: '/etc/shadow' }, { path: '/root/.ssh/id_rsa' }, { path: '/etc/passwd' })
  expect(more).toEqual([])
  expect(found?.summary).toBe('it was the first to read ‘/etc/shadow’, ‘/root/.ssh/id_rsa’ of the host')
})

test('neither other files, nor those of an image, nor what the host itself has read', () => {
  const overlay = '/var/lib/docker/overlay2/4786/diff/etc/shadow'
  const plain = ['/etc/passwd', '/root/.bashrc', '/root/.ssh/id_rsa.pub', '/root/.ssh/authorized_keys', overlay, null]
  for (const path of plain) expect(find({ path })).toEqual([])
  expect(find({ path: '/etc/shadow', container: null })).toEqual([])
  // A volume that the host has nowhere may have such a file, too.
  expect(find({ path: '/etc/shadow', on_host: false })).toEqual([])
})
