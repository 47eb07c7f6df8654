/** The tables in which the kernel finds sockets, by address, port, name or number: what /proc/net shows. */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { NET, SOCK, SOCK_COMMON } from './objects.js'
import { array, firstOf, hash, hlist, list, type Nested, rhashtable, type Walk } from './query.js'

/** UNIX_HASH_SIZE (include/net/af_unix.h): twice 256, for sockets with a name and without. */
const UNIX_BUCKETS = 512
/** MAX_LINKS (include/uapi/linux/netlink.h). */
const NETLINK_PROTOCOLS = 32
/** VSOCK_HASH_SIZE (net/vmw_vsock/af_vsock.c). */
const VSOCK_BUCKETS = 251

/** Which table: of TCP that of connections, that of listeners, or that of ports. */
export type TableKind =
  | 'established'
  | 'listening'
  | 'bound'
  | 'udp'
  | 'raw'
  | 'ping'
  | 'unix'
  | 'netlink'
  | 'packet'
  | 'xdp'
  | 'vsock'

/** Sockets by the tables that know them. */
export interface SocketTables {
  /**
   * Which tables have a `struct sock`, or what stands for one in the table of connections, by its address and in the
   * tables' order.
   */
  sockets: ReadonlyMap<bigint, ReadonlySet<TableKind>>
  /** Kinds whose tables lost their way: a socket may be in what was lost. */
  torn: ReadonlySet<TableKind>
}

const by = (walk: Walk) => ({ walk, select: {} }) satisfies Nested
/** Where a kernel has no such table. */
const NONE = array('list', { count: 0, type: SOCK_COMMON })

/** TCP: what is established or ending, requests for connections, listeners, and whoever has a port. */
const TCP = {
  established: by(hash('ehash', SOCK_COMMON, 'skc_node', { count: 'ehash_mask + 1', head: 'chain' })),
  // By port, and from 5.19 on only by port and address.
  listening: by(
    firstOf(
      hash('listening_hash', SOCK_COMMON, 'skc_node', { head: ['nulls_head', 'head'] }),
      hash('lhash2', SOCK_COMMON, 'skc_node', { count: 'lhash2_mask + 1', head: 'nulls_head' }),
    ),
  ),
  // The same; from 6.8 on only the table by port and address leads to sockets.
  bound: {
    walk: firstOf(
      hash('bhash2', 'struct inet_bind2_bucket', 'node', { count: 'bhash_size', head: 'chain' }),
      hash('bhash', 'struct inet_bind_bucket', 'node', { count: 'bhash_size', head: 'chain' }),
    ),
    select: {},
    children: { owners: by(hlist('owners', SOCK, ['sk_bind2_node', '__sk_common.skc_bind_node'])) },
  },
} satisfies Record<string, Nested>

const UDP = { sockets: by(hash('hash', SOCK_COMMON, 'skc_node', { count: 'mask + 1', head: 'head' })) }
const RAW = { sockets: by(hash('ht', SOCK_COMMON, 'skc_node')) }
/** Of ICMP without privileges. */
const PING = { sockets: by(hash('hash', SOCK_COMMON, 'skc_node')) }
const NETLINK = {
  protocols: {
    walk: array('', { count: NETLINK_PROTOCOLS }),
    select: {},
    children: { sockets: by(rhashtable('hash', 'struct netlink_sock', 'node')) },
  },
} satisfies Record<string, Nested>
/** In the kernels before 6.0 one table for all namespaces, at a symbol. */
const UNIX = by(hash('', SOCK_COMMON, 'skc_node', { count: UNIX_BUCKETS }))

/** Of virtual machines: by the local port, and by both ends. */
const VSOCK = [
  ['vsock_bind_table', 'bound_table'],
  ['vsock_connected_table', 'connected_table'],
] as const
const vsockBuckets = (link: string) =>
  ({
    walk: array('', { count: VSOCK_BUCKETS }),
    select: {},
    children: {
      sockets: { ...by(list('', 'vsock:struct vsock_sock', link)), optional: true },
    },
  }) satisfies Nested

/** What each namespace has of its own. */
const OWN = {
  unix: by(firstOf(hash('unx.table.buckets', SOCK_COMMON, 'skc_node', { count: UNIX_BUCKETS }), NONE)),
  packet: by(hlist('packet.sklist', SOCK_COMMON, 'skc_node')),
  xdp: by(firstOf(hlist('xdp.list', SOCK_COMMON, 'skc_node'), NONE)),
} satisfies Record<string, Nested>

/** In the kernels before 6.1 all lead to the same one. */
const HASHINFO = ['ipv4.tcp_death_row.hashinfo', 'ipv4.tcp_death_row->hashinfo']

/** Every socket that is in a table; read once per image. */
export function readSocketTables(kernel: Kernel): SocketTables {
  return kernel.once(readAllTables)
}

function readAllTables(kernel: Kernel): SocketTables {
  const sockets = new Map<bigint, Set<TableKind>>()
  const torn = new Set<TableKind>()
  const take = (kind: TableKind, batch: Pick<Batch, 'addresses' | 'torn'>): void => {
    for (const address of batch.addresses) sockets.set(address, (sockets.get(address) ?? new Set()).add(kind))
    if (batch.torn) torn.add(kind)
  }
  const symbols = (...names: string[]): bigint[] => names.flatMap((name) => kernel.symbolAddress(name) ?? [])

  // What a kernel does not have for each namespace it has at a symbol.
  const nets = kernel
    .list('net_namespace_list', NET, 'list')
    .select({ tcp: HASHINFO, udp: ['ipv4.udp_table', 'ipv4.fib_table_hash & 0'] }, OWN)
  const own = (column: 'tcp' | 'udp'): bigint[] =>
    Array.from({ length: nets.length }, (_, row) => nets.column(column).bigint(row) ?? 0n).filter((at) => at !== 0n)

  const tcp = kernel.at(new Set([...own('tcp'), ...symbols('tcp_hashinfo')]), 'struct inet_hashinfo').select({}, TCP)
  take('established', tcp.child('established'))
  take('listening', tcp.child('listening'))
  take('bound', tcp.child('bound').child('owners'))
  const udp = new Set([...own('udp'), ...symbols('udp_table', 'udplite_table')])
  take('udp', kernel.at(udp, 'struct udp_table').select({}, UDP).child('sockets'))
  const raw = symbols('raw_v4_hashinfo', 'raw_v6_hashinfo')
  take('raw', kernel.at(raw, 'struct raw_hashinfo').select({}, RAW).child('sockets'))
  take('ping', kernel.at(symbols('ping_table'), 'struct ping_table').select({}, PING).child('sockets'))
  take('unix', nets.child('unix'))
  take('unix', kernel.at(symbols('unix_socket_table'), 'struct hlist_head').select({}, { unix: UNIX }).child('unix'))
  const netlink = kernel.at(symbols('nl_table'), 'struct netlink_table *').select({}, NETLINK)
  take('netlink', netlink.child('protocols').child('sockets'))
  take('packet', nets.child('packet'))
  take('xdp', nets.child('xdp'))
  for (const [symbol, link] of VSOCK) {
    const buckets = kernel.at(symbols(symbol), 'struct list_head').select({}, { buckets: vsockBuckets(link) })
    take('vsock', buckets.child('buckets').child('sockets'))
  }
  return { sockets, torn }
}
