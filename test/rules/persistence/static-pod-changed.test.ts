import { evaluateRule } from 'salvor/testing'
import { expect, test } from 'vitest'
import rule from '../../../dist/plugins/rules/persistence/static-pod-changed.js'

const find = (path: string, modified = '2026-01-02T00:00:00Z') =>
  evaluateRule(rule, {
    files: [{ path, type: 'file', mount_id: 27, container: null, modified }],
    mounts: [],
    info: [{ boot_time: '2026-01-01T00:00:00Z' }],
    containers: [],
  })

test.each([
  ['/etc/kubernetes/manifests/helper.yaml', 'medium'],
  ['/etc/kubernetes/manifests/.x.yaml', 'high'],
  ['/etc/kubernetes/manifests/kube-apiserver.yaml', 'low'],
])('%s is %s', (path, severity) => {
  expect(find(path)).toMatchObject([{ severity, evidence: [{ table: 'files' }] }])
})

test('neither one from before the boot nor another file is', () => {
  expect(find('/etc/kubernetes/manifests/helper.yaml', '2025-01-02T00:00:00Z')).toEqual([])
  expect(find('/etc/kubernetes/kubelet.conf')).toEqual([])
})
