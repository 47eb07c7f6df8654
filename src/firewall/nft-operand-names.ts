/** Names and types of what rules look at, as nft has them, by the numbers that the kernel has. */

import { TYPES, type Type } from './nft-values.js'

/** What something is called, and of which type it is. */
export type Named = readonly [name: string, type: Type]

/** enum nft_meta_keys (include/uapi/linux/netfilter/nf_tables.h). */
export const META: readonly Named[] = [
  ...([
    ['length', TYPES.host],
    ['protocol', TYPES.etherType],
    ['priority', TYPES.host],
    ['mark', TYPES.mark],
  ] as const),
  ...([
    ['iif', TYPES.host],
    ['oif', TYPES.host],
    ['iifname', TYPES.interface],
    ['oifname', TYPES.interface],
  ] as const),
  ...([
    ['iiftype', TYPES.host],
    ['oiftype', TYPES.host],
    ['skuid', TYPES.host],
    ['skgid', TYPES.host],
  ] as const),
  ...([
    ['nftrace', TYPES.integer],
    ['rtclassid', TYPES.host],
    ['secmark', TYPES.host],
  ] as const),
  ...([
    ['nfproto', TYPES.nfproto],
    ['l4proto', TYPES.protocol],
    ['ibrname', TYPES.interface],
  ] as const),
  ...([
    ['obrname', TYPES.interface],
    ['pkttype', TYPES.packetType],
    ['cpu', TYPES.host],
  ] as const),
  ...([
    ['iifgroup', TYPES.host],
    ['oifgroup', TYPES.host],
    ['cgroup', TYPES.host],
    ['random', TYPES.host],
  ] as const),
  ...([
    ['ipsec', TYPES.integer],
    ['iifkind', TYPES.text],
    ['oifkind', TYPES.text],
    ['ibrpvid', TYPES.host],
  ] as const),
  ...([
    ['ibrvproto', TYPES.etherType],
    ['time', TYPES.host],
    ['day', TYPES.integer],
    ['hour', TYPES.host],
  ] as const),
  ...([
    ['sdif', TYPES.host],
    ['sdifname', TYPES.interface],
    ['broute', TYPES.integer],
  ] as const),
]
/** Those that nft writes without `meta`. */
export const BARE: ReadonlySet<string> = new Set([
  'iif',
  'oif',
  'iifname',
  'oifname',
  'iifgroup',
  'oifgroup',
  'ibrname',
  'obrname',
])

/** enum nft_ct_keys, the same. */
export const CT: readonly Named[] = [
  ...([
    ['state', TYPES.ctState],
    ['direction', TYPES.ctDirection],
    ['status', TYPES.ctStatus],
  ] as const),
  ...([
    ['mark', TYPES.mark],
    ['secmark', TYPES.host],
    ['expiration', TYPES.host],
    ['helper', TYPES.text],
  ] as const),
  ...([
    ['l3proto', TYPES.nfproto],
    ['saddr', TYPES.ipv4],
    ['daddr', TYPES.ipv4],
    ['protocol', TYPES.protocol],
  ] as const),
  ...([
    ['proto-src', TYPES.service],
    ['proto-dst', TYPES.service],
    ['label', TYPES.integer],
  ] as const),
  ...([
    ['packets', TYPES.host],
    ['bytes', TYPES.host],
    ['avgpkt', TYPES.host],
    ['zone', TYPES.host],
  ] as const),
  ...([
    ['event', TYPES.host],
    ['ip saddr', TYPES.ipv4],
    ['ip daddr', TYPES.ipv4],
    ['ip6 saddr', TYPES.ipv6],
  ] as const),
  ...([
    ['ip6 daddr', TYPES.ipv6],
    ['id', TYPES.host],
  ] as const),
]

const at = (offset: number, length: number, name: string, type: Type) => [`${offset}:${length}`, [name, type]] as const
const IPV4 = [
  ...[at(2, 2, 'length', TYPES.integer), at(4, 2, 'id', TYPES.integer), at(6, 2, 'frag-off', TYPES.integer)],
  ...[at(8, 1, 'ttl', TYPES.integer), at(9, 1, 'protocol', TYPES.protocol)],
  ...[1, 2, 3, 4].flatMap((length) => [at(12, length, 'saddr', TYPES.ipv4), at(16, length, 'daddr', TYPES.ipv4)]),
]
const IPV6 = [
  ...[at(4, 2, 'length', TYPES.integer), at(6, 1, 'nexthdr', TYPES.protocol), at(7, 1, 'hoplimit', TYPES.integer)],
  ...Array.from({ length: 16 }, (_, length) => length + 1).flatMap((length) => [
    ...[at(8, length, 'saddr', TYPES.ipv6), at(24, length, 'daddr', TYPES.ipv6)],
  ]),
]
const PORTS = [at(0, 2, 'sport', TYPES.service), at(2, 2, 'dport', TYPES.service)]
const icmp = (type: Type) => [
  ...[at(0, 1, 'type', type), at(1, 1, 'code', TYPES.integer), at(2, 2, 'checksum', TYPES.integer)],
  ...[at(4, 2, 'id', TYPES.integer), at(6, 2, 'sequence', TYPES.integer)],
]
/** Members of headers by offset and length, in bytes. */
export const HEADERS: Readonly<Record<string, Readonly<Record<string, Named>>>> = {
  ip: Object.fromEntries(IPV4),
  ip6: Object.fromEntries(IPV6),
  arp: Object.fromEntries([
    ...[at(0, 2, 'htype', TYPES.integer), at(2, 2, 'ptype', TYPES.etherType), at(6, 2, 'operation', TYPES.integer)],
    ...[at(8, 6, 'saddr ether', TYPES.ether), at(14, 4, 'saddr ip', TYPES.ipv4)],
    ...[at(18, 6, 'daddr ether', TYPES.ether), at(24, 4, 'daddr ip', TYPES.ipv4)],
  ]),
  ether: Object.fromEntries([
    ...[at(0, 6, 'daddr', TYPES.ether), at(6, 6, 'saddr', TYPES.ether), at(12, 2, 'type', TYPES.etherType)],
  ]),
  tcp: Object.fromEntries([
    ...PORTS,
    ...[at(4, 4, 'sequence', TYPES.integer), at(8, 4, 'ackseq', TYPES.integer), at(13, 1, 'flags', TYPES.tcpFlags)],
    ...[at(14, 2, 'window', TYPES.integer), at(16, 2, 'checksum', TYPES.integer), at(18, 2, 'urgptr', TYPES.integer)],
  ]),
  udp: Object.fromEntries([...PORTS, at(4, 2, 'length', TYPES.integer), at(6, 2, 'checksum', TYPES.integer)]),
  sctp: Object.fromEntries(PORTS),
  dccp: Object.fromEntries(PORTS),
  udplite: Object.fromEntries(PORTS),
  th: Object.fromEntries(PORTS),
  icmp: Object.fromEntries(icmp(TYPES.icmpType)),
  icmpv6: Object.fromEntries(icmp(TYPES.icmp6Type)),
}
/** enum nft_payload_bases, as nft writes them before bits. */
export const BASES = ['ll', 'nh', 'th', 'ih']

/** NFTA_FIB_F_* and enum nft_fib_result (include/uapi/linux/netfilter/nf_tables.h). */
export const FIB_FLAGS = ['saddr', 'daddr', 'mark', 'iif', 'oif']
export const FIB_RESULTS: readonly Named[] = [
  ...([
    ['', TYPES.host],
    ['oif', TYPES.host],
    ['oifname', TYPES.interface],
    ['type', TYPES.routeType],
  ] as const),
]
export const RT: readonly Named[] = [
  ...([
    ['classid', TYPES.host],
    ['ip nexthop', TYPES.ipv4],
    ['ip6 nexthop', TYPES.ipv6],
    ['mtu', TYPES.host],
  ] as const),
  ['ipsec', TYPES.integer],
]
export const SOCKET: readonly Named[] = [
  ...([
    ['transparent', TYPES.integer],
    ['mark', TYPES.mark],
    ['wildcard', TYPES.integer],
  ] as const),
  ['cgroupv2', TYPES.integer],
]
