import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { certificatesIn } from '../../src/containers/certificates.js'
import { buildContainers } from '../../src/containers/containers.js'
import type { Heap } from '../../src/containers/dockerd-memory.js'
import { buildKubernetes, type KubernetesRow } from '../../src/containers/kubernetes.js'
import { nodeInfoIn } from '../../src/containers/node-info.js'
import { providerOf } from '../../src/containers/provider.js'
import { FakeFiles } from './cached-files.js'
import { evidence, process } from './evidence.js'

/** Of a node, made for this test; its key was never kept. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIB1zCCAXygAwIBAgIUAzvFIlG/Ngfq2mLU0vx+gsjKGOEwCgYIKoZIzj0EAwIw
NDEVMBMGA1UECgwMc3lzdGVtOm5vZGVzMRswGQYDVQQDDBJzeXN0ZW06bm9kZTpu
b2RlLTcwHhcNMjYxMTI5MjA1NjE4WhcNMzYxMTI2MjA1NjE4WjA0MRUwEwYDVQQK
DAxzeXN0ZW06bm9kZXMxGzAZBgNVBAMMEnN5c3RlbTpub2RlOm5vZGUtNzBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABJYJlHLb0gsgQu9+NF0JnUoIZzKsNDDA1wZf
K81nzhLylBfsICNSHJRTByEMqmqAfL16+nh2P5Coi4kYm6Vuh0ajbDBqMB0GA1Ud
DgQWBBSpw3eb8gwSY+WASl2s3XW/DtrGSjAfBgNVHSMEGDAWgBSpw3eb8gwSY+WA
Sl2s3XW/DtrGSjAPBgNVHRMBAf8EBTADAQH/MBcGA1UdEQQQMA6CBm5vZGUtN4cE
CgAABzAKBggqhkjOPQQDAgNJADBGAiEAxLtEmVlo9ZdecErsLAN07PUEbuKhqqML
9uh1XT+1IBQCIQCHRqaHeRWLF/Kz67n0KfImXFsfLIdPjMaabCno9mefEg==
-----END CERTIFICATE-----`
const sha256 = '71f17a56ede4b74fac32818c9ca86f3e930c1e8bffe8cc8187739a1e77c9d668'
const NOW = '2030-01-01T00:00:00.000000Z'

class Bytes implements Heap {
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  *find(patterns: readonly string[]) {
    for (const [which, pattern] of patterns.entries()) {
      const at = this.#bytes.indexOf(pattern, 0, 'latin1')
      if (at >= 0) yield { address: BigInt(at), which }
    }
  }

  findWords() {
    return []
  }

  readWhole(address: bigint, length: number): DataView | null {
    const bytes = Uint8Array.from(this.#bytes.subarray(Number(address), Number(address) + length))
    return bytes.length === length ? new DataView(bytes.buffer) : null
  }
}

const field = (tag: number, text: string) => Buffer.concat([Buffer.from([tag, text.length]), Buffer.from(text)])
const info = (engine: string, kubelet: string) =>
  Buffer.concat([Buffer.from('xx'), field(0x32, engine), field(0x3a, kubelet), field(0x42, kubelet)])

function rowsOf(
  processes: Parameters<typeof process>[0][],
  tree: ConstructorParameters<typeof FakeFiles>[0],
  heap: Heap | null = null,
): KubernetesRow[] {
  const files = new FakeFiles(tree)
  const given = evidence({ processes: processes.map(process), files })
  return buildKubernetes({ ...given, containers: buildContainers(given).rows, now: NOW, heap: () => heap })
}

test('a node has its parts, what they were told, and its certificates', () => {
  const kubelet = ['/usr/bin/kubelet', '--kubeconfig', '/etc/kubernetes/kubelet.conf', '--config=/k.yaml']
  const rows = rowsOf(
    [
      { pid: 20, comm: 'kubelet', exe: '/usr/bin/kubelet', args: kubelet },
      { pid: 21, comm: 'crio', exe: '/usr/bin/crio', args: ['/usr/bin/crio'] },
      { pid: 22, comm: 'etcd', exe: null, args: ['etcd', '--data-dir=/d'] },
      { pid: 23, comm: 'kubectl', exe: '/usr/local/bin/k3s', args: ['k3s', 'kubectl', 'get'] },
    ],
    {
      '/etc/kubernetes/kubelet.conf': '    server: https://10.0.0.1:6443\n',
      '/var/lib/kubelet/pki/kubelet-client-current.pem': CERTIFICATE,
      '/etc/kubernetes/pki/etcd/ca.crt': CERTIFICATE,
      '/etc/kubernetes/pki/ca.crt': 'no certificate',
      '/etc/cni/net.d/10-x.conflist': '{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"bridge"},{"type":7}]}',
    },
    new Bytes(info('cri-o://1.31.2', 'v1.31.4')),
  )
  expect(rows.map(({ component, name, pid, version }) => [component, name, pid, version])).toEqual([
    ['node', 'node-7', null, null],
    ['kubelet', null, 20, '1.31.4'],
    ['cri-o', null, 21, '1.31.2'],
    ['etcd', null, 22, null],
    ['cni', 'x', null, '1.0.0'],
  ])
  expect(rows[0]).toMatchObject({ node: 'node-7', sources: { node: 'certificate of the kubelet' }, certificates: [] })
  expect(rows[1]).toMatchObject({
    ...{ api_server: 'https://10.0.0.1:6443', config: '/k.yaml', flags: { config: '/k.yaml' } },
    certificates: [{ path: '/var/lib/kubelet/pki/kubelet-client-current.pem' }],
  })
  expect(rows[3]?.certificates).toMatchObject([{ path: '/etc/kubernetes/pki/etcd/ca.crt' }])
  expect(rows[4]?.flags).toEqual({ plugins: 'bridge' })
})

test('a host without Kubernetes has no rows, whatever engine it has', () => {
  expect(rowsOf([{ pid: 21, comm: 'containerd', exe: '/usr/bin/containerd', args: ['containerd'] }], {})).toEqual([])
})

describe('what the kubelet told of its node', () => {
  it('is found where its fields follow one another', () => {
    expect(nodeInfoIn(new Bytes(info('containerd://1.7.24', 'v1.30.14')))).toEqual({
      ...{ engine: 'containerd', engine_version: '1.7.24', kubelet: 'v1.30.14' },
    })
  })

  it.each([
    info(`containerd://${'ab'.repeat(8)}`, 'v1.30.14'),
    info('containerd://1.7.24', 'latest'),
    Buffer.concat([field(0x32, 'containerd://1.7.24'), field(0x7a, 'v1.30.14')]),
    field(0x32, 'containerd://1.7.24'),
  ])('is not where they do not', (bytes) => {
    expect(nodeInfoIn(new Bytes(bytes))).toBeNull()
  })
})

describe('certificates', () => {
  const found = { path: '/x', sha256, subject: 'O=system:nodes, CN=system:node:node-7', authority: true }
  const times = { begins: '2026-11-29T20:56:18.000000Z', expires: '2036-11-26T20:56:18.000000Z' }

  it('are read from PEM, and from the base64 of a kubeconfig', () => {
    const told = { ...found, ...times, expired: false, names: 'DNS:node-7, IP Address:10.0.0.7' }
    expect(certificatesIn('/x', `key\n${CERTIFICATE}\n${CERTIFICATE}`, NOW)).toMatchObject([told, told])
    const data = Buffer.from(CERTIFICATE).toString('base64')
    expect(certificatesIn('/x', `    client-certificate-data: ${data}\n`, NOW)).toMatchObject([told])
    expect(certificatesIn('/x', CERTIFICATE, '2040-01-01T00:00:00.000000Z')).toMatchObject([{ expired: true }])
    expect(certificatesIn('/x', CERTIFICATE, null)).toMatchObject([{ expired: null }])
  })

  it('are none where bytes are damaged, and never an exception', () => {
    expect(certificatesIn('/x', CERTIFICATE.replace('MIIB', 'MIIC'), NOW)).toEqual([])
    fc.assert(
      fc.property(fc.base64String(), (text) => {
        const block = `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`
        certificatesIn('/x', `${block} x-data: ${text}`, NOW)
      }),
    )
  })
})

describe('whose Kubernetes it is', () => {
  const none = { files: new FakeFiles({}), flags: new Map(), programs: [], images: [] }

  it.each([
    ['EKS', { flags: new Map([['node-labels', 'eks.amazonaws.com/nodegroup=n']]) }],
    ['AKS', { files: new FakeFiles({ '/etc/kubernetes/azure.json': '', '/etc/kubernetes/admin.conf': '' }) }],
    ['GKE', { programs: ['/home/kubernetes/bin/kubelet'] }],
    ['k3s', { programs: ['/usr/local/bin/k3s'] }],
    ['EKS', { images: ['602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.18.0'] }],
    ['kubeadm', { files: new FakeFiles({ '/var/lib/kubelet/kubeadm-flags.env': '' }) }],
    [null, {}],
  ])('%s', (provider, of) => {
    const told = providerOf({ ...none, ...of })
    expect(told.provider).toBe(provider)
    expect(told.evidence.length > 0).toBe(provider !== null)
  })
})
