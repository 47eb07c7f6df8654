import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/node-credentials-open.js'

const OWN = '9a3c62ad-0ba6-4e11-a791-392803d412cd'
const OTHER = '2e856ec6-7439-41bc-b8e9-760b16376a8d'
const container = { id: 'c1', pod_uid: OWN, pod_namespace: 'default', image: 'docker.io/library/busybox:1' }
const file = { pid: 7, comm: 'cat', fd: 3, type: 'file', container: 'c1' }
const find = (path: string | null, row: object = {}, of: object = container) =>
  evaluateRule(rule, { files: [{ ...file, path, ...row }], containers: [of] })
const token = (pod: string) => `/host/var/lib/kubelet/pods/${pod}/volumes/kubernetes.io~projected/kube-api-access/token`

test.each(['/host/etc/kubernetes/admin.conf', '/host/var/lib/kubelet/pki/kubelet-client-current.pem', token(OTHER)])(
  '%s is found',
  (path) => {
    expect(find(path)).toMatchObject([{ about: { pid: 7, container: 'c1' } }])
  },
)

test('neither its own token, nor other files, nor what the host or the control plane has open', () => {
  expect(find(token(OWN))).toEqual([])
  expect(find('/etc/passwd')).toEqual([])
  expect(find(null)).toEqual([])
  expect(find(token(OTHER), { container: null })).toEqual([])
  const etcd = { ...container, pod_namespace: 'kube-system', image: 'registry.k8s.io/kube-apiserver:v1.30.1' }
  expect(find('/etc/kubernetes/pki/apiserver.key', {}, etcd)).toEqual([])
})
