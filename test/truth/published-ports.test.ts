/** Published ports against what Docker says of its containers, and Kubernetes of its services. */

import { describe, expect, it } from 'vitest'
import { sharedImage, table } from './images.js'

const docker = sharedImage('docker-debian12')
const k8s = sharedImage('k8s-debian13')

interface Inspected {
  Id: string
  Name: string
  NetworkSettings: {
    Ports: Record<string, { HostIp: string; HostPort: string }[] | null>
    Networks: Record<string, { IPAddress: string }>
  }
}

describe(docker.title, () => {
  docker.require()

  it('leads to what Docker has published, by a rule and by a proxy, and to nothing else', () => {
    const { rows } = table('published-ports', docker.as('elf'))
    const expected = docker.truth<Inspected[]>('raw/docker-inspect.json').flatMap(({ Id, Name, NetworkSettings }) => {
      const [network] = Object.values(NetworkSettings.Networks)
      return Object.entries(NetworkSettings.Ports).flatMap(([inner, outer]) => {
        const [port, protocol] = inner.split('/')
        const hosts = (outer ?? []).filter(({ HostIp }) => HostIp === '0.0.0.0')
        return hosts.map(({ HostPort }) => ({
          ...{ container: null, protocol, address: null, port: Number(HostPort), target_port: Number(port) },
          ...{ target: network?.IPAddress, target_container: Id, target_container_name: Name.slice(1) },
          found_by: ['rule', 'docker-proxy'],
        }))
      })
    })
    expect(expected).toHaveLength(1)
    expect(rows).toMatchObject(expected)
  })
})

interface ApiObject {
  kind: string
  metadata: { name: string; namespace: string }
  spec?: { clusterIP?: string; ports?: { port: number; protocol: string }[] }
  subsets?: { addresses?: { ip: string; targetRef?: { name: string } }[]; ports: { port: number }[] }[]
}

describe(k8s.title, () => {
  k8s.require()

  it('leads from each service to each of its endpoints', () => {
    const { rows } = table('published-ports', k8s.as('elf'))
    const { items } = k8s.truth<{ items: ApiObject[] }>('api/all.json')
    const named = (kind: string) => items.filter((item) => item.kind === kind)
    const expected = named('Service').flatMap(({ metadata, spec }) => {
      const endpoints = named('Endpoints').find(
        (item) => item.metadata.name === metadata.name && item.metadata.namespace === metadata.namespace,
      )
      return (endpoints?.subsets ?? []).flatMap(({ addresses = [], ports }) =>
        addresses.map(({ ip, targetRef }) => ({
          ...{
            address: spec?.clusterIP,
            port: spec?.ports?.[0]?.port,
            protocol: spec?.ports?.[0]?.protocol.toLowerCase(),
          },
          ...{ target: ip, target_port: ports[0]?.port, found_by: ['rule'] },
          ...{ comment: expect.stringContaining(`${metadata.namespace}/${metadata.name}`) },
          target_pod: targetRef === undefined ? null : `${metadata.namespace}/${targetRef.name}`,
        })),
      )
    })
    expect(expected.length).toBeGreaterThanOrEqual(3)
    expect(rows).toHaveLength(expected.length)
    for (const row of expected) expect(rows).toContainEqual(expect.objectContaining(row))
  })
})
