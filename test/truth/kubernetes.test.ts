/** The kubernetes table of shared images against what the API server and /proc told of the node. */

import { describe, expect, it } from 'vitest'
import { sharedImage, table } from './images.js'

// biome-ignore lint/suspicious/noExplicitAny: what the API server printed
type Told = any

const image = sharedImage('k8s-debian13')
const path = (row: Told, name: string) => row.flags?.[name] ?? null

describe(`Kubernetes' own parts by the truth of ${image.title}`, () => {
  image.require()
  const { rows, warnings } = image.missing ? { rows: [], warnings: [] } : table('kubernetes', image.as('elf'))
  const row = (component: string): Told => rows.find((each) => each.component === component)

  it('are those that ran, each with its version', () => {
    const node = image.truth<Told>('api/all.json').items.find(({ kind }: Told) => kind === 'Node')
    const { kubeletVersion, kubeProxyVersion, containerRuntimeVersion } = node.status.nodeInfo
    const processes = image.processes()
    const pid = (name: string) => processes.find(({ exe }) => exe?.endsWith(`/${name}`))?.pid
    expect(rows.map(({ component, version, pid }) => [component, version, pid])).toEqual([
      ['node', null, null],
      ['containerd', containerRuntimeVersion.replace('containerd://', ''), pid('containerd')],
      ['kubelet', kubeletVersion.slice(1), pid('kubelet')],
      ['kube-proxy', kubeProxyVersion.slice(1), pid('kube-proxy')],
      ['cni', '1.0.0', null],
    ])
    expect(row('node')).toMatchObject({ name: node.metadata.name, node: node.metadata.name, provider: 'kubeadm' })
    expect(warnings).toEqual([])
  })

  it('have the flags that they were started with', () => {
    const kubelet = image.processes().find(({ exe }) => exe?.endsWith('/kubelet'))
    const flags = kubelet?.cmdline.slice(1).map((flag) => flag.slice(2).split('=')) ?? []
    expect(flags.length).toBeGreaterThanOrEqual(6)
    for (const [name = '', value] of flags) expect(path(row('kubelet'), name), name).toBe(value)
    const server = /^API_IP=(.*)$/m.exec(image.text('api/names.env'))?.[1]
    expect(row('kubelet').api_server).toBe(`https://${server}:6443`)
    expect(row('kube-proxy')).toMatchObject({
      container_name: 'kube-proxy',
      image: expect.stringContaining('kube-proxy:v'),
    })
  })

  it('have the certificates of the node, which had not ended', () => {
    const { certificates } = row('kubelet')
    const subjects = certificates.map(({ subject }: Told) => subject)
    expect(
      subjects.filter((subject: string) => subject === 'O=system:nodes, CN=system:node:ip-10-0-2-15'),
    ).toHaveLength(3)
    const files = new Set(certificates.map((certificate: Told) => certificate.path))
    expect(files).toEqual(
      new Set([
        '/var/lib/kubelet/pki/kubelet-client-2026-11-23-22-01-11.pem',
        '/var/lib/kubelet/pki/kubelet-client-2026-11-23-22-01-13.pem',
        '/var/lib/kubelet/pki/kubelet.crt',
        '/etc/kubernetes/kubelet.conf',
      ]),
    )
    expect(certificates.every(({ expired }: Told) => expired === false)).toBe(true)
    expect(row('node').certificates).toMatchObject([{ subject: 'CN=kubernetes', authority: true }])
  })
})

const docker = sharedImage('docker-debian12')

describe(`Kubernetes' own parts on ${docker.title}`, () => {
  docker.require()

  it('are none', () => {
    expect(table('kubernetes', docker.as('elf')).rows).toEqual([])
  })
})
