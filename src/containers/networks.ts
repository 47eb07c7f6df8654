/** A container's networks: the engine's names for them joined with the addresses of its network namespace. */

import type { Claims } from './claims.js'
import { NETWORK_STORE } from './columns.js'
import type { Subject } from './pods.js'
import type { ContainerNetwork, InterfaceEvidence, ProcessEvidence } from './types.js'

export interface NetworkFacts {
  host: ProcessEvidence | null
  interfaces: ReadonlyMap<number, readonly InterfaceEvidence[]>
  /** Of IPv6. */
  interfaces6: () => ReadonlyMap<number, readonly InterfaceEvidence[]>
  /** The sandbox of the pod, or the container that this one shares a network with (`--network container:ID`, by its word or the kernel's). */
  provider: Subject | null
}

/** Whose network a container shares, where only the kernel says so: that of the other one in its namespace that an engine gave one. */
export function lenders(subjects: readonly Subject[]): (subject: Subject) => Subject | null {
  const byNamespace = new Map(
    subjects.flatMap((subject) => {
      const { docker, network } = subject.declared ?? {}
      const hasOwn = (network?.value.networks.length ?? 0) > 0 || (docker?.value.networks.length ?? 0) > 0
      const inode = subject.init?.namespaces.net ?? null
      return hasOwn && inode !== null ? [[inode, subject] as const] : []
    }),
  )
  return (subject) => {
    const lender = byNamespace.get(subject.init?.namespaces.net ?? -1)
    return lender === undefined || lender === subject ? null : lender
  }
}

export function networksOf(subject: Subject, facts: NetworkFacts, claims: Claims): ContainerNetwork[] | null {
  const inode = subject.init?.namespaces.net ?? null
  if (inode !== null && inode === facts.host?.namespaces.net) {
    claims.sources.networks = 'network namespace'
    return [{ name: 'host', interface: null, address: null }]
  }
  const own = declaredNetworks(subject) ?? storedNetworks(subject, facts)
  const lent = facts.provider && (declaredNetworks(facts.provider) ?? storedNetworks(facts.provider, facts))
  const declared = own ?? lent
  const actual = inode === null ? null : addressesIn(inode, facts, declared?.networks ?? [])
  if (declared === null && actual === null) return null
  const lender = declared === null || own !== null ? '' : ` of ${facts.provider?.id.slice(0, 12)}`
  const source = declared && `${declared.source}${lender}`
  claims.sources.networks = [source, actual && 'network namespace'].filter(Boolean).join(', ')
  return join(declared?.networks ?? [], actual, claims)
}

/** Addresses of a namespace; those of IPv6 where one was given to the container. */
function addressesIn(
  inode: number,
  { interfaces, interfaces6 }: NetworkFacts,
  declared: readonly ContainerNetwork[],
): InterfaceEvidence[] | null {
  const known = interfaces.get(inode)
  const hasIpv6 = declared.some(({ address }) => address?.includes(':'))
  const links = [...(known ?? []), ...(hasIpv6 ? (interfaces6().get(inode) ?? []) : [])]
  return known === undefined && links.length === 0 ? null : links.filter((link) => !isLocal(link))
}

function join(
  declared: ContainerNetwork[],
  actual: readonly InterfaceEvidence[] | null,
  claims: Claims,
): ContainerNetwork[] {
  if (actual === null) return declared
  const rows: ContainerNetwork[] = []
  const used = new Set<InterfaceEvidence>()
  for (const network of declared) {
    const link = actual.find(({ address }) => bare(address) === bare(network.address ?? ''))
    if (link !== undefined) used.add(link)
    else if (network.address !== null) {
      claims.disagree('networks', `declared ${network.address}, which no interface of its network namespace has`)
    }
    rows.push({ ...network, interface: link?.interface ?? null, address: link?.address ?? network.address })
  }
  for (const link of actual) if (!used.has(link)) rows.push({ name: null, ...link })
  return rows
}

/** Old records may be of endpoints that are gone: only what the network namespace has as well counts. */
function storedNetworks(
  { declared, init }: Subject,
  { interfaces }: NetworkFacts,
): { networks: ContainerNetwork[]; source: string } | null {
  const actual = interfaces.get(init?.namespaces.net ?? -1) ?? []
  const networks = (declared?.network?.value.networks ?? [])
    .filter(({ address }) => address !== null && actual.some((link) => bare(link.address) === bare(address)))
    .map((network) => ({ ...network, interface: null }))
  return networks.length === 0 ? null : { networks, source: NETWORK_STORE }
}

function declaredNetworks(subject: Subject | null): { networks: ContainerNetwork[]; source: string } | null {
  const docker = subject?.declared?.docker?.value
  if (docker !== undefined && docker.networks.length > 0) {
    const networks = docker.networks.flatMap(({ name, address, address6 }) => [
      { name, interface: null, address },
      ...(address6 === null ? [] : [{ name, interface: null, address: address6 }]),
    ])
    return { networks, source: 'config.v2.json' }
  }
  const addresses = subject?.declared?.metadata?.value.addresses ?? []
  if (addresses.length === 0) return null
  return { networks: addresses.map((address) => ({ name: null, interface: null, address })), source: 'meta.db' }
}

function isLocal({ interface: name, address }: InterfaceEvidence): boolean {
  return name === 'lo' || /^fe[89ab][0-9a-f]:/i.test(address)
}

function bare(address: string): string {
  return address.split('/', 1)[0] ?? ''
}
