/** IPv6 routes: the binary trees of each table (net/ipv6/ip6_fib.c). */

import type { Kernel } from './kernel.js'
import { ipv6Text } from './net-addresses.js'
import { AF_INET6, hopColumns, hopOf, readNexthops } from './nexthops.js'
import { NET } from './objects.js'
import { bytes, chain, firstOf, hash, type Nested, object, optional } from './query.js'
import { destinationText, type RawRoute } from './routes.js'

const NODE = 'struct fib6_node'
const ROUTE = 'struct fib6_info'
const ADDRESS_BITS = 128
/** Nodes of all trees; a full routing table of the internet has a tenth of them. */
const MOST_NODES = 1 << 22
/** RTN_RTINFO: a node without it only lends the routes of another (include/net/ip6_fib.h). */
const RTN_RTINFO = 0x4
/** RTF_GATEWAY (include/uapi/linux/route.h). */
const RTF_GATEWAY = 0x2
/** RT_SCOPE_UNIVERSE, which all IPv6 routes have (rt6_fill_node, net/ipv6/route.c). */
const GLOBAL = 0

/** FIB6_TABLE_HASHSZ (net/ipv6/ip6_fib.c): 256 where tables are chosen by rules; else all routes are in one. */
const TABLES = {
  walk: hash('ipv6.fib_table_hash', 'struct fib6_table', 'tb6_hlist', {
    count: ['ipv6.fib6_local_tbl & 0 + 256', 'ipv6.fib_table_hash & 0 + 1'],
  }),
  select: { table: 'tb6_id' },
  children: { root: { walk: object('tb6_root'), select: {} } },
} satisfies Nested

const BELOW = { rules: [{ path: 'parent', is: 'origin' }], select: {} } as const
const BRANCHES = {
  left: { walk: object('left'), ...BELOW },
  right: { walk: object('right'), ...BELOW },
  // Routes that depend on the source address, too.
  sources: { walk: object('subtree'), optional: true, ...BELOW },
} satisfies Record<string, Nested>

const ROUTES = {
  walk: chain('leaf', ROUTE, 'fib6_next'),
  // The one that stands for no route is in no node.
  rules: [{ path: 'fib6_node', is: 'origin_or_null' }],
  select: {
    destination: bytes('fib6_dst.addr'),
    prefix: 'fib6_dst.plen',
    source: bytes('fib6_prefsrc.addr'),
    source_prefix: 'fib6_prefsrc.plen',
    protocol: 'fib6_protocol',
    type: 'fib6_type',
    metric: 'fib6_metric',
    flags: 'fib6_flags',
    table: 'fib6_table->tb6_id',
    nexthop: optional('nh'),
  },
  children: {
    hops: {
      walk: firstOf(object('fib6_nh[0]'), object('fib6_nh')),
      select: hopColumns('nh_common.', ['']),
    },
  },
} satisfies Nested

/** A node that is still to be looked at, and the namespace of its tree, as a row. */
type Place = readonly [node: bigint, net: number]

/** All IPv6 routes, by namespace and table. */
export function readFib6Routes(kernel: Kernel): RawRoute[] {
  const nets = kernel
    .list('net_namespace_list', NET, 'list')
    .select({ inode: 'ns.inum', none: optional('ipv6.fib6_null_entry') }, { tables: { ...TABLES, optional: true } })
  const tables = nets.child('tables')
  const roots = tables.child('root')
  const places = [...roots.parents].map((table, row): Place => [roots.address(row), tables.parents[table] ?? 0])
  const nodes = readNodes(kernel, places)
  const batch = kernel
    .at(
      nodes.map(([address]) => address),
      NODE,
    )
    .select({}, { routes: ROUTES })
  const routes = batch.child('routes')
  const hops = routes.child('hops')
  const shared = routes.addresses.filter((_, row) => (routes.column('nexthop').bigint(row) ?? 0n) !== 0n)
  const nexthops = readNexthops(kernel, ROUTE, [...shared])
  const columns = (name: keyof (typeof ROUTES)['children']['hops']['select']) => hops.column(name)
  const ownHops = hops.byParent()
  const found: RawRoute[] = []
  for (const [row, at] of routes.parents.entries()) {
    const [address, net] = [routes.address(row), nodes[at]?.[1] ?? 0]
    if (address === nets.column('none').bigint(net)) continue
    const gateway = ((routes.column('flags').number(row) ?? 0) & RTF_GATEWAY) !== 0 ? AF_INET6 : null
    found.push({
      address,
      net_ns: nets.column('inode').number(net),
      family: 'inet6',
      destination: prefixOf(routes.column('destination').bytes(row), routes.column('prefix').number(row)),
      table: routes.column('table').number(row),
      protocol: routes.column('protocol').number(row),
      scope: GLOBAL,
      type: routes.column('type').number(row),
      source: sourceOf(routes.column('source').bytes(row), routes.column('source_prefix').number(row)),
      metric: routes.column('metric').number(row),
      hops: nexthops.get(address) ?? (ownHops.get(row) ?? []).map((hop) => hopOf(columns, hop, gateway)),
    })
  }
  return found
}

function prefixOf(address: Uint8Array | null, prefix: number | null): string | null {
  return address === null || prefix === null ? null : destinationText(ipv6Text(address), prefix, ADDRESS_BITS)
}

/** Without a prefix there is none. */
function sourceOf(address: Uint8Array | null, prefix: number | null): string | null {
  return address === null || prefix === null || prefix === 0 ? null : ipv6Text(address)
}

/** The nodes of trees that have routes of their own, one level after the other. */
function readNodes(kernel: Kernel, roots: readonly Place[]): Place[] {
  const seen = new Set<bigint>()
  const found: Place[] = []
  for (let level = roots, depth = 0; depth === 0 || level.length > 0; depth++) {
    const places = level.filter(([address]) => !seen.has(address))
    for (const [address] of places) seen.add(address)
    const nodes = kernel
      .at(
        places.map(([address]) => address),
        NODE,
      )
      .select({ flags: 'fn_flags' }, BRANCHES)
    found.push(...places.filter((_, row) => ((nodes.column('flags').number(row) ?? 0) & RTN_RTINFO) !== 0))
    level = (['left', 'right', 'sources'] as const).flatMap((name) => {
      const below = nodes.child(name)
      return [...below.parents].map((at, row): Place => [below.address(row), places[at]?.[1] ?? 0])
    })
    if (seen.size + level.length > MOST_NODES) {
      kernel.warn({ code: 'cap', message: `more than ${MOST_NODES} nodes of routes: the rest is left out`, count: 1 })
      break
    }
  }
  return found
}
