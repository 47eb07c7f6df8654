import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { buildContainers } from '../../src/containers/containers.js'
import { carveNetworks } from '../../src/containers/network-store.js'
import { FakeFiles } from './cached-files.js'
import { cgroup, evidence, hostNamespaces, own, process } from './evidence.js'

/** Cut from the page cache of a guest with Docker 20.10: the pages that were there, old ones among them. */
const store = gunzipSync(readFileSync(join(import.meta.dirname, 'fixtures/local-kv.db.gz'))).toString('latin1')
const PAGE = 4096
const web = '018e0db6fd2235955d2af775066ab09d56b86a13e68e7522fe5b1935d34b0571'
const names = ['corp-agent', 'corp-batch', 'corp-ci', 'corp-hostnet', 'corp-locked', 'corp-paused']

const namesOf = (content: string) => [...carveNetworks(content).containers.values()].map(({ name }) => name).sort()

describe("libnetwork's database", () => {
  it('gives names and networks of the containers that have endpoints', () => {
    expect(namesOf(store)).toEqual([...names, 'shop-cache-1', 'shop-web-1'])
    expect(carveNetworks(store).containers.get(web)).toEqual({
      name: 'shop-web-1',
      networks: [{ name: 'shop_frontend', address: '172.30.0.2/24' }],
      ports: [{ port: '80/tcp', published: [':8080'] }],
    })
  })

  it('gives what the pages that are left have, and nothing else', () => {
    const all = new Set(namesOf(store))
    let lost = 0
    for (let page = 0; page * PAGE < store.length; page++) {
      const left = `${store.slice(0, page * PAGE)}${'\0'.repeat(PAGE)}${store.slice((page + 1) * PAGE)}`
      const found = namesOf(left)
      for (const name of found) expect(all).toContain(name)
      lost += all.size - found.length
    }
    expect(lost).toBeGreaterThan(0)
  })

  const [sandbox, endpoint, network, container] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64)) as [
    string,
    string,
    string,
    string,
  ]
  const record = (kind: string, ids: string[], value: object) =>
    `docker/network/v1.0/${kind}/${ids.join('/')}/\x01\0\0\0\0\0\0\0${JSON.stringify(value)}`
  const held = (of: object = {}) =>
    record('sandbox', [sandbox], { ID: sandbox, Cid: container, Eps: [{ Eid: endpoint, Nid: network }], ...of })
  const end = (of: object = {}) =>
    record('endpoint', [network, endpoint], {
      id: endpoint,
      name: 'web',
      sandbox,
      ep_iface: { addr: '10.0.0.2/24' },
      ...of,
    })
  const known = (...records: string[]) => carveNetworks(records.join('\0')).containers.get(container)

  it('has the ports that are published, of protocols that have ports', () => {
    const portmap = [
      { Proto: 17, IP: '10.0.0.2', Port: 53, HostIP: '::1', HostPort: 5353, HostPortEnd: 5353 },
      { Proto: 6, Port: 80, HostPort: 0 },
      { Proto: 1, Port: 1, HostPort: 1 },
      { Proto: 6, Port: 'x', HostPort: {} },
      null,
    ]
    const ports = known(held(), end({ generic: { 'com.docker.network.portmap': portmap } }))?.ports
    expect(ports).toEqual([{ port: '53/udp', published: ['[::1]:5353'] }])
    expect(known(held(), end({ generic: 7 }))?.ports).toEqual([])
  })

  it('counts where a sandbox and an endpoint name each other', () => {
    expect(known(held(), end())).toEqual({
      name: 'web',
      networks: [{ name: null, address: '10.0.0.2/24' }],
      ports: [],
    })
    for (const records of [
      [held()],
      [end()],
      [held({ Eps: null }), end()],
      [held({ ID: endpoint }), end()],
      [held({ Cid: 'short' }), end()],
      [held(), held({ Cid: 'e'.repeat(64) }), end()],
      [held(), end({ sandbox: endpoint })],
      [held(), end({ name: 'gateway_0123456789ab' })],
      [held(), end({ name: '../x' })],
      [held(), end().slice(0, -3)],
    ]) {
      expect(known(...records)).toBeUndefined()
    }
  })

  it('gives no name where records of one endpoint differ', () => {
    expect(known(held(), end(), end({ name: 'renamed' }))?.name).toBeNull()
    expect(known(held(), end({ ep_iface: {} }), end())?.networks).toEqual([{ name: null, address: '10.0.0.2/24' }])
  })

  it('is bounded, and no bytes are an exception', () => {
    expect(carveNetworks(held().slice(0, -2).repeat(30_000)).capped).toBe(true)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: store.length }), (text, at) => {
        carveNetworks(store.slice(0, at) + text + store.slice(at))
      }),
      { numRuns: 30 },
    )
  })
})

test('a container without its files has its name from there, below all else', () => {
  const files = new FakeFiles({
    [`/var/lib/docker/containers/${web}/resolv.conf`]: '',
    '/var/lib/docker/network/files/local-kv.db': { present: store },
  })
  const given = evidence({
    cgroups: [cgroup(`/system.slice/docker-${web}.scope`, [60])],
    processes: [process({ pid: 60, container: web, namespaces: own })],
    networks: new Map([[own.net ?? 0, [{ interface: 'eth0', address: '172.30.0.2/24' }]]]),
    files,
  })
  const { rows, warnings } = buildContainers(given)
  expect(rows).toMatchObject([
    {
      ...{ id: web, name: 'shop-web-1', image: null },
      networks: [{ name: 'shop_frontend', interface: 'eth0', address: '172.30.0.2/24' }],
      sources: { name: 'local-kv.db (carved)', networks: 'local-kv.db (carved), network namespace' },
    },
  ])
  expect(warnings).toEqual([])
  // An address that the container has not is of a record that is no longer true.
  const moved = new Map([[own.net ?? 0, [{ interface: 'eth0', address: '172.30.0.9/24' }]]])
  expect(buildContainers({ ...given, networks: moved }).rows).toMatchObject([
    { networks: [{ name: null, address: '172.30.0.9/24' }] },
  ])
})

test('a pod that nothing names goes by its host name, and that is said to be a guess', () => {
  const id = 'f'.repeat(64)
  const path = `/kubepods/burstable/pod4fd2c44f-52cb-42a7-a7e4-ea5a520915e0/${id}`
  const pod = (of: object) => {
    const processes = [process({ pid: 60, container: id, hostname: 'web-0', namespaces: own, ...of })]
    return buildContainers(evidence({ cgroups: [cgroup(path, [60])], processes })).rows[0]
  }
  expect(pod({})).toMatchObject({ pod_name: 'web-0', sources: { pod_name: 'host name (a guess)' } })
  expect(pod({ namespaces: { ...own, uts: hostNamespaces.uts } })).toMatchObject({ pod_name: null })
  expect(pod({ hostname: 'Not A Name' })).toMatchObject({ pod_name: null })
})
