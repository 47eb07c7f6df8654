import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/credential-access/node-credentials-open.js'

const OWN = '9a3c62ad-0ba6-4e11-a791-392803d412cd'
const OTHER = '2e856ec6-7439-41bc-b8e9-760b16376a8d'
const container = { id: 'c1', pod_uid: OWN, pod_namespace: 'default', image: 'docker.io/library/busybox:1' }
const file = { pid: 7, comm: 'cat', fd: 3, type: 'file', container: 'c1' }
const find = (path: string | null, row: object = {}, of: object = container, exe = '/bin/busybox') =>
  evaluateRule(rule, {
    files: [{ ...file, path, ...row }],
    containers: [{ ...of, init_pid: 7 }],
    processes: [{ pid: 7, exe, args: [exe] }],
  })
const findAs = (of: object, path: string, exe: string) => find(path, {}, of, exe)
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
  const server = { ...container, pod_namespace: 'kube-system', image: 'registry.k8s.io/kube-apiserver:v1.30.1' }
  const [key, exe] = ['/etc/kubernetes/pki/apiserver.key', '/usr/local/bin/kube-apiserver']
  expect(findAs(server, key, exe)).toEqual([])
  const hardened = { ...server, image: 'docker.io/rancher/hardened-kubernetes:v1.28.6-rke2r1' }
  expect(findAs(hardened, key, exe)).toEqual([])
})

test('what is only called like the control plane is found', () => {
  const server = { ...container, pod_namespace: 'kube-system', image: 'docker.io/evil/kube-apiserver:v1.30.1' }
  const [key, exe] = ['/etc/kubernetes/pki/apiserver.key', '/usr/local/bin/kube-apiserver']
  expect(findAs(server, key, exe)).toHaveLength(1)
  expect(findAs({ ...server, image: 'registry.k8s.io/kube-apiserver:v1' }, key, '/tmp/kube-apiserver')).toHaveLength(1)
})
