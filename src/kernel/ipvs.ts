/** IPVS: virtual services and who answers for each (net/netfilter/ipvs/ip_vs_ctl.c), as `ipvsadm -Ln` shows them. */

import type { Batch } from './batch.js'
import { readTicks } from './jiffies.js'
import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { hostOrder, ipv4Text, ipv6Text } from './net-addresses.js'
import { protocolName } from './net-protocols.js'
import { NET } from './objects.js'
import { bytes, hash, list, type Nested, optional, text } from './query.js'

const SERVICE = 'ip_vs:struct ip_vs_service'
/** IP_VS_SVC_TAB_SIZE. */
const BUCKETS = 256
/** AF_INET6. */
const INET6 = 10
/** IP_VS_SVC_F_PERSISTENT (include/uapi/linux/ip_vs.h). */
const PERSISTENT = 1
/** IP_VS_CONN_F_FWD_MASK, and what it can be, as ipvsadm calls it (include/uapi/linux/ip_vs.h). */
const FORWARDING = 7
const WAYS = ['Masq', 'Local', 'Tunnel', 'Route', 'Bypass']

/** A destination of a service; the service alone where it has none. */
export interface IpvsDestination {
  /** Of the `struct ip_vs_dest`, or of the service. */
  address: bigint
  /** Inode number of the namespace. */
  net_ns: number | null
  protocol: string | null
  /** Address that is called; null where packets are chosen by their mark. */
  virtual_address: string | null
  port: number | null
  mark: number | null
  scheduler: string | null
  /** Seconds for which a client keeps its destination; null where it does not. */
  persistence: number | null
  destination: string | null
  destination_port: number | null
  /** `Masq`, `Local`, `Tunnel`, `Route` or `Bypass`. */
  forwarding: string | null
  weight: number | null
  active: number | null
  inactive: number | null
}

const DESTINATIONS = {
  walk: list('destinations', 'ip_vs:struct ip_vs_dest', 'n_list'),
  rules: [{ path: 'svc', is: 'origin' }],
  select: {
    ...{ family: 'af', address: bytes('addr'), port: 'port', flags: 'conn_flags.counter' },
    ...{ weight: 'weight.counter', active: 'activeconns.counter' },
    // One of the two, by the kernel.
    inactive: optional('inactconns.counter'),
    all: optional('totalconns.counter'),
  },
} as const satisfies Nested

const SERVICES = {
  select: {
    ...{ net_ns: 'ipvs->net->ns.inum', family: 'af', protocol: 'protocol', address: bytes('addr'), port: 'port' },
    ...{ mark: 'fwmark', flags: 'flags', timeout: 'timeout', scheduler: text('scheduler->name', 32) },
  },
  children: { destinations: DESTINATIONS },
} as const

/** A service is of a namespace. */
const RULES = [{ path: 'ipvs->net->ns.ops', is: { symbol: 'netns_operations' } }] as const

/** Every destination of every service, in the kernel's order; read once per image. */
export function readIpvs(kernel: Kernel): readonly Readonly<IpvsDestination>[] {
  return kernel.once(readEveryDestination)
}

function readEveryDestination(kernel: Kernel): IpvsDestination[] {
  const { value, lacks } = unlessLacking(() => readServices(kernel.ofKindsItHas()))
  const isLoaded = kernel.symbolAddress('ip_vs_conn_new') !== null
  const why = lacks ?? (value?.length === 0 ? 'they are kept in a way that is not known' : null)
  if (isLoaded && why !== null) {
    kernel.warn({ code: 'unreadable', message: `no services of ip_vs are known: ${why}`, count: 1 })
  }
  const ticks = readTicks(kernel)
  return (value ?? []).flatMap((services) => destinationsOf(services, ticks?.hz ?? null))
}

type Services = Batch<(typeof SERVICES)['select'], (typeof SERVICES)['children']>

/** Tables by address and by mark, with how a service hangs in each. */
const TABLES = [
  ['svc_table', 's_list'],
  ['svc_fwm_table', 'f_list'],
] as const

/** Of each table the services: those that all namespaces share, or each one's own; none of what the kernel has not. */
function readServices(kernel: Kernel): Services[] {
  return TABLES.flatMap(([name, link]) => {
    const own = {
      walk: hash(`((ip_vs:struct netns_ipvs *)ipvs)->${name}`, SERVICE, link),
      optional: true,
      rules: RULES,
      ...SERVICES,
    } as const satisfies Nested
    const nets = kernel.list('net_namespace_list', NET, 'list').select({}, { own })
    const table = kernel.symbolAddress(`ip_vs_${name}`)
    const shared = kernel
      .at(table === null ? [] : [table], 'struct hlist_head')
      .walk(hash('', SERVICE, link, { count: BUCKETS }))
      .obeying(RULES)
      .select(SERVICES.select, SERVICES.children)
    return [...(table === null ? [] : [shared]), ...(nets.child('own').length > 0 ? [nets.child('own')] : [])]
  })
}

/** Connections that are no longer used: counted, or what is left of all of them. */
function inactiveOf(found: Batch<(typeof DESTINATIONS)['select']>, row: number): number | null {
  const inactive = found.column('inactive').number(row)
  const [all, active] = [found.column('all').number(row), found.column('active').number(row)]
  return inactive ?? (all === null || active === null ? null : all - active)
}

function destinationsOf(services: Services, hz: number | null): IpvsDestination[] {
  const found = services.child('destinations')
  const byService = found.byParent()
  return Array.from({ length: services.length }, (_, row): IpvsDestination[] => {
    const service = serviceOf(services, row, hz)
    const rows = byService.get(row) ?? []
    if (rows.length === 0) {
      const none = { destination: null, destination_port: null, forwarding: null, weight: null, active: null }
      return [{ address: services.address(row), ...service, ...none, inactive: null }]
    }
    return rows.map((at) => {
      const [port, flags] = [found.column('port').number(at), found.column('flags').number(at)]
      return {
        address: found.address(at),
        ...service,
        destination: addressText(found.column('family').number(at), found.column('address').bytes(at)),
        destination_port: port === null ? null : hostOrder(port),
        forwarding: flags === null ? null : (WAYS[flags & FORWARDING] ?? String(flags & FORWARDING)),
        weight: found.column('weight').number(at),
        active: found.column('active').number(at),
        inactive: inactiveOf(found, at),
      }
    })
  }).flat()
}

function serviceOf(services: Services, row: number, hz: number | null) {
  const number = (name: 'net_ns' | 'family' | 'protocol' | 'port' | 'mark' | 'flags' | 'timeout') =>
    services.column(name).number(row)
  const [mark, port, protocol] = [number('mark'), number('port'), number('protocol')]
  const isMark = mark !== null && mark !== 0
  const timeout = number('timeout')
  const isPersistent = ((number('flags') ?? 0) & PERSISTENT) !== 0
  return {
    net_ns: number('net_ns'),
    protocol: protocol === null || isMark ? null : protocolName(protocol),
    virtual_address: isMark ? null : addressText(number('family'), services.column('address').bytes(row)),
    port: port === null || isMark ? null : hostOrder(port),
    mark: isMark ? mark : null,
    scheduler: services.column('scheduler').text(row),
    persistence: isPersistent && timeout !== null && hz !== null ? Math.round(timeout / hz) : null,
  }
}

/** An address of IPv4 is the first word of four. */
function addressText(family: number | null, packed: Uint8Array | null): string | null {
  if (family === null || packed === null) return null
  if (family === INET6) return ipv6Text(packed)
  return ipv4Text(new DataView(packed.buffer, packed.byteOffset, packed.byteLength).getUint32(0, true))
}
