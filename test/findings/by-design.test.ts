/** What is privileged by design, each beside what only looks like it: none of these is excused. */

import { expect, test } from 'vitest'
import type { KnownContainer } from '../../src/api/rule.js'
import { designReason } from '../../src/findings/by-design.js'

const reason = (image: string | null, namespace: string | null, exe: string | null, args: string[] = []) =>
  designReason({ image, pod_namespace: namespace } as KnownContainer, { exe, args })

/** As the projects' manifests have them: image, namespace, first process. */
const BY_DESIGN: readonly (readonly [image: string, namespace: string, exe: string, args?: string[]])[] = [
  ['registry.k8s.io/kube-proxy:v1.30.14', 'kube-system', '/usr/local/bin/kube-proxy'],
  [
    '602401143452.dkr.ecr.eu-central-1.amazonaws.com/eks/kube-proxy:v1.29.0-minimal-eksbuild.1',
    'kube-system',
    '/usr/bin/kube-proxy',
  ],
  ['registry.k8s.io/kube-apiserver:v1.30.14', 'kube-system', '/usr/local/bin/kube-apiserver'],
  [
    'quay.io/cilium/cilium:v1.15.1@sha256:351d6685dc6f6ffbcd5451043167cfa8842c6decf80d8c8e426a417c73fb56d4',
    'kube-system',
    '/usr/bin/cilium-agent',
  ],
  ['docker.io/calico/node:v3.27.2', 'calico-system', '/usr/local/bin/runsvdir'],
  ['docker.io/flannel/flannel:v0.24.2', 'kube-flannel', '/opt/bin/flanneld'],
  ['docker.io/weaveworks/weave-kube:2.8.1', 'kube-system', '/bin/busybox', ['/bin/sh', '/home/weave/launch.sh']],
  ['602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.16.3', 'kube-system', '/app/aws-vpc-cni'],
  ['602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-network-policy-agent:v1.0.8', 'kube-system', '/controller'],
  ['mcr.microsoft.com/containernetworking/azure-cns:v1.5.23', 'kube-system', '/usr/local/bin/azure-cns'],
  ['registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.10.0', 'kube-system', '/csi-node-driver-registrar'],
  ['public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.28.0', 'kube-system', '/bin/aws-ebs-csi-driver'],
  [
    '602401143452.dkr.ecr.us-east-1.amazonaws.com/eks/aws-efs-csi-driver:v1.7.5',
    'kube-system',
    '/bin/aws-efs-csi-driver',
  ],
  ['gke.gcr.io/gcp-compute-persistent-disk-csi-driver:v1.12.6', 'kube-system', '/gce-pd-csi-driver'],
  ['mcr.microsoft.com/oss/kubernetes-csi/azuredisk-csi:v1.29.2', 'kube-system', '/azurediskplugin'],
  ['quay.io/cephcsi/cephcsi:v3.10.2', 'rook-ceph', '/usr/local/bin/cephcsi'],
  ['quay.io/prometheus/node-exporter:v1.7.0', 'monitoring', '/bin/node_exporter'],
  ['gcr.io/cadvisor/cadvisor:v0.47.2', 'cadvisor', '/usr/bin/cadvisor'],
  ['gcr.io/datadoghq/agent:7.51.0', 'datadog', '/opt/datadog-agent/embedded/bin/system-probe'],
  ['public.ecr.aws/aws-observability/aws-for-fluent-bit:2.32.0', 'amazon-cloudwatch', '/fluent-bit/bin/fluent-bit'],
  ['public.ecr.aws/aws-ec2/aws-node-termination-handler:v1.21.0', 'kube-system', '/node-termination-handler'],
  ['docker.io/falcosecurity/falco-no-driver:0.37.1', 'falco', '/usr/bin/falco'],
  ['quay.io/cilium/tetragon:v1.0.2', 'kube-system', '/usr/bin/tetragon'],
  ['docker.io/aquasec/tracee:0.20.0', 'tracee-system', '/tracee/tracee'],
]

const CASES = BY_DESIGN.map(([image, namespace, exe, args]) => ({ image, namespace, exe, args }))

test.each(CASES)('$image in $namespace by $exe', ({ image, namespace, exe, args }) => {
  expect(reason(image, namespace, exe, args)).toEqual(expect.any(String))
})

test.each(CASES)('not what is only called like $image', ({ image, namespace, exe, args }) => {
  const path = image.slice(image.indexOf('/'))
  // Of another registry, of the local one, and below a name that ends so.
  for (const other of [
    `docker.io/attacker${path}`,
    `evil.example${path}`,
    `localhost${path}`,
    `registry.evil/${image}`,
  ]) {
    expect(reason(other, namespace, exe, args), other).toBeNull()
  }
  // In another namespace, or in no pod.
  expect(reason(image, 'default', exe, args)).toBeNull()
  expect(reason(image, null, exe, args)).toBeNull()
  // Another program than the image has there, or one that was put over its name elsewhere.
  for (const other of ['/bin/sh', `/tmp${exe}`, `${exe} (deleted)`, `/proc/self/fd/3`, null]) {
    expect(reason(image, namespace, other, args), `${other}`).toBeNull()
  }
})

test('not a registry of EKS’ form that is somebody else’s', () => {
  const of = (account: string) =>
    reason(`${account}.dkr.ecr.us-west-2.amazonaws.com/eks/kube-proxy:v1`, 'kube-system', '/usr/bin/kube-proxy')
  expect(of('123456789012')).toBeNull()
  expect(of('602401143452')).not.toBeNull()
})

test('not a shell that runs another script than the one it is known by', () => {
  const weave = (script: string) =>
    reason('docker.io/weaveworks/weave-kube:2.8.1', 'kube-system', '/bin/busybox', ['/bin/sh', script])
  expect(weave('/tmp/launch.sh')).toBeNull()
  expect(weave('/home/weave/launch.sh')).not.toBeNull()
})
