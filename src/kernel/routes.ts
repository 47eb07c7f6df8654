/** Routes of all tables of every network namespace, as `ip route show table all` has them (net/ipv4/fib_semantics.c). */

import { readFibRoutes } from './fib-tries.js'
import { readFib6Routes } from './fib6-trees.js'
import type { Kernel } from './kernel.js'

/** RTN_* (include/uapi/linux/rtnetlink.h). */
const TYPES = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
]
/** RTPROT_* (include/uapi/linux/rtnetlink.h), as iproute2's rt_protos has them. */
const PROTOCOLS: Readonly<Record<number, string>> = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  18: 'keepalived',
  42: 'babel',
  99: 'openr',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
}
/** RT_SCOPE_* (include/uapi/linux/rtnetlink.h), as iproute2's rt_scopes has them. */
const SCOPES: Readonly<Record<number, string>> = { 0: 'global', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' }
/** RT_TABLE_* (include/uapi/linux/rtnetlink.h). */
const TABLES: Readonly<Record<number, string>> = { 0: 'unspec', 253: 'default', 254: 'main', 255: 'local' }

/** A route as the trees have it. */
export interface RawRoute {
  /** Of its `struct fib_alias` or `struct fib6_info`. */
  address: bigint
  /** Inode number of the namespace. */
  net_ns: number | null
  family: 'inet' | 'inet6'
  /** With the length of its prefix where that is not the whole address; `default` for all addresses. */
  destination: string | null
  table: number | null
  protocol: number | null
  scope: number | null
  type: number | null
  source: string | null
  metric: number | null
  hops: readonly Hop[]
}

/** Where a route sends packets. */
export interface Hop {
  gateway: string | null
  /** Name of the interface. */
  interface: string | null
}

/** A route with its numbers in ip's words. */
export interface Route extends Omit<RawRoute, 'table' | 'protocol' | 'scope' | 'type' | 'hops'>, Hop {
  table: string | null
  protocol: string | null
  scope: string | null
  type: string | null
  /** Of a route of several hops, which has neither gateway nor interface: `10.0.0.1 dev eth0`. */
  hops: string[] | null
}

/** All routes, IPv4 first, by namespace and table. */
export function readRoutes(kernel: Kernel): Route[] {
  return [...readFibRoutes(kernel), ...readFib6Routes(kernel)].map(named)
}

function named({ hops, ...route }: RawRoute): Route {
  const [only = { gateway: null, interface: null }] = hops.length === 1 ? hops : []
  return {
    ...route,
    ...only,
    table: word(TABLES, route.table),
    protocol: word(PROTOCOLS, route.protocol),
    scope: word(SCOPES, route.scope),
    type: word(TYPES, route.type),
    hops: hops.length > 1 ? hops.map(({ gateway, interface: name }) => `${gateway ?? '-'} dev ${name ?? '-'}`) : null,
  }
}

/** A number that has no name is in digits. */
function word(names: Readonly<Record<number, string>>, number: number | null): string | null {
  return number === null ? null : (names[number] ?? String(number))
}

/** An address with the length of a prefix, as ip shows it. */
export function destinationText(address: string, prefix: number, whole: number): string {
  if (prefix === 0) return 'default'
  return prefix === whole ? address : `${address}/${prefix}`
}
