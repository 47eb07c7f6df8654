/**
 * What libnetwork keeps of Docker's containers in `network/files/local-kv.db`: dockerd has it mapped, so that its pages stay
 * where others go. As of containerd's database pages may be missing and old ones are still there: records are carved by
 * the keys before them. A sandbox names its container and its endpoints, an endpoint the sandbox and, by Docker's making,
 * the container's name; what they say counts where both agree, and all records of it do.
 *
 * libnetwork/store (Docker 1.9 on): `docker/network/v1.0/<kind>/<ids>/`, then 8 bytes of a counter, then JSON.
 */

import { append } from '../append.js'
import { endOfObject } from './containerd-metadata.js'
import { type DockerPort, publishedAt } from './docker-config.js'
import { integer, list, parseObject, text } from './json.js'

export interface StoredNetwork {
  /** The container's name, as its endpoints have it. */
  name: string | null
  networks: { name: string | null; address: string | null }[]
  /** Published ports, by the port of the container. */
  ports: DockerPort[]
}

interface Endpoint {
  id: string
  name: string
  sandbox: string
  network: string
  address: string | null
  ports: DockerPort[]
}

const KEY = /docker\/network\/v1\.0\/(endpoint|sandbox|network)\/((?:[0-9a-f]{64}\/){1,2})[^{]{0,64}(?=\{)/g
const MOST_RECORDS = 20_000
const id64 = /^[0-9a-f]{64}$/
/** RestrictedNameChars (daemon/names/names.go); what Swarm makes for itself is no container's. */
const containerName = /^(?!gateway_[0-9a-f]{12}$)[a-zA-Z0-9][a-zA-Z0-9_.-]{1,252}$/

/** By container. */
export function carveNetworks(content: string): { containers: Map<string, StoredNetwork>; capped: boolean } {
  const sandboxes = new Map<string, { container: string; endpoints: Set<string> }[]>()
  const endpoints = new Map<string, Endpoint[]>()
  const names = new Map<string, string>()
  let budget = 4 * content.length + 65_536
  let count = 0
  for (const match of content.matchAll(KEY)) {
    const at = match.index + match[0].length
    const { end, whole } = endOfObject(content, at)
    budget -= end - at
    if (++count > MOST_RECORDS || budget < 0) break
    const record = whole ? parseObject(content.slice(at, end), 'record').value : null
    if (record === null) continue
    const [first = '', second = ''] = (match[2] ?? '').split('/')
    if (match[1] === 'sandbox') addSandbox(sandboxes, first, record)
    else if (match[1] === 'endpoint') addEndpoint(endpoints, first, second, record)
    else if (text(record, 'id') === first) names.set(first, text(record, 'name') ?? '')
  }
  const capped = count > MOST_RECORDS || budget < 0
  return { containers: joined(sandboxes, endpoints, names), capped }
}

function addSandbox(
  sandboxes: Map<string, { container: string; endpoints: Set<string> }[]>,
  id: string,
  record: object,
): void {
  const container = text(record, 'Cid')
  if (text(record, 'ID') !== id || container === null || !id64.test(container)) return
  append(sandboxes, id, { container, endpoints: new Set(list(record, 'Eps').flatMap((end) => text(end, 'Eid') ?? [])) })
}

function addEndpoint(endpoints: Map<string, Endpoint[]>, network: string, id: string, record: object): void {
  const [name, sandbox] = [text(record, 'name'), text(record, 'sandbox')]
  if (text(record, 'id') !== id || name === null || sandbox === null || !containerName.test(name)) return
  const ports = list(record, 'generic', 'com.docker.network.portmap').flatMap(readPort)
  append(endpoints, id, { id, name, sandbox, network, address: text(record, 'ep_iface', 'addr'), ports })
}

/** Numbers of protocols (include/uapi/linux/in.h). */
const PROTOCOLS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' }

/** `types.PortBinding` of libnetwork: a host's port of 0 is one that it chooses by itself. */
function readPort(binding: unknown): DockerPort[] {
  const [protocol, port, host] = ['Proto', 'Port', 'HostPort'].map((name) => integer(binding, name))
  const name = PROTOCOLS[protocol ?? -1]
  if (name === undefined || !port || !host) return []
  return [{ port: `${port}/${name}`, published: [publishedAt(text(binding, 'HostIP'), host)] }]
}

function joined(
  sandboxes: ReadonlyMap<string, readonly { container: string; endpoints: ReadonlySet<string> }[]>,
  endpoints: ReadonlyMap<string, readonly Endpoint[]>,
  names: ReadonlyMap<string, string>,
): Map<string, StoredNetwork> {
  const byContainer = new Map<string, Endpoint[]>()
  for (const known of endpoints.values()) {
    for (const endpoint of known) {
      const holders = sandboxes.get(endpoint.sandbox)?.filter((held) => held.endpoints.has(endpoint.id)) ?? []
      const owners = new Set(holders.map(({ container }) => container))
      const [owner] = owners
      if (owners.size === 1 && owner !== undefined) append(byContainer, owner, endpoint)
    }
  }
  return new Map(
    [...byContainer].map(([container, own]) => {
      const called = new Set(own.map(({ name }) => name))
      const [name] = called
      // Of one endpoint the record with an address is the later one.
      const ends = new Map(own.map(({ id, network, address }) => [id, { network, address }]))
      for (const { id, network, address } of own) if (address !== null) ends.set(id, { network, address })
      const networks = [...ends.values()].map(({ network, address }) => ({ name: names.get(network) || null, address }))
      const ports = new Map(own.flatMap((end) => end.ports.map((port) => [JSON.stringify(port), port])))
      return [
        container,
        { name: called.size === 1 && name !== undefined ? name : null, networks, ports: [...ports.values()] },
      ]
    }),
  )
}
