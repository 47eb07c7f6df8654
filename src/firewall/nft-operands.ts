/** What rules look at, as nft names it, and of which type it is. */

import { hexText } from '../bytes-text.js'
import { protocolName } from '../kernel/net-protocols.js'
import type { Operand } from './nft-statements.js'
import { TYPES, type Type } from './nft-values.js'

/** What a rule has made sure of: whose header is the network's and whose the transport's. */
export interface Context {
  network: string | null
  transport: string | null
}

type Named = readonly [name: string, type: Type]

/** enum nft_meta_keys (include/uapi/linux/netfilter/nf_tables.h). */
const META: readonly Named[] = [
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
const BARE: ReadonlySet<string> = new Set([
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
const CT: readonly Named[] = [
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
const HEADERS: Readonly<Record<string, Readonly<Record<string, Named>>>> = {
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
const BASES = ['ll', 'nh', 'th', 'ih']

/** NFTA_FIB_F_* and enum nft_fib_result (include/uapi/linux/netfilter/nf_tables.h). */
const FIB_FLAGS = ['saddr', 'daddr', 'mark', 'iif', 'oif']
const FIB_RESULTS: readonly Named[] = [
  ...([
    ['', TYPES.host],
    ['oif', TYPES.host],
    ['oifname', TYPES.interface],
    ['type', TYPES.routeType],
  ] as const),
]
const RT: readonly Named[] = [
  ...([
    ['classid', TYPES.host],
    ['ip nexthop', TYPES.ipv4],
    ['ip6 nexthop', TYPES.ipv6],
    ['mtu', TYPES.host],
  ] as const),
  ['ipsec', TYPES.integer],
]
const SOCKET: readonly Named[] = [
  ...([
    ['transparent', TYPES.integer],
    ['mark', TYPES.mark],
    ['wildcard', TYPES.integer],
  ] as const),
  ['cgroupv2', TYPES.integer],
]

/** How something is called, of which type it is, and whose header that took for granted. */
export interface Worded {
  text: string
  type: Type
  needs?: 'network' | 'transport'
}

export function operandWords(operand: Operand, context: Context, mapWords: (map: Operand) => string): Worded {
  const worded = plain(operand, context, mapWords)
  const length = worded.type.length || 4
  const mask = operand.mask === undefined ? null : BigInt(`0x${hexText(ordered(worded.type, operand.mask)) || '0'}`)
  const xor = operand.xor === undefined ? 0n : BigInt(`0x${hexText(ordered(worded.type, operand.xor)) || '0'}`)
  const moved = operand.shift ? ` ${operand.shift > 0 ? '<<' : '>>'} ${Math.abs(operand.shift)}` : ''
  return { ...worded, text: `${worded.text}${mask === null || xor === 0n ? '' : changed(mask, xor, length)}${moved}` }
}

/** `(x & mask) ^ xor`, in the shortest form. */
function changed(mask: bigint, xor: bigint, length: number): string {
  const all = (1n << BigInt(8 * length)) - 1n
  const hex = (value: bigint) => `0x${value.toString(16).padStart(2 * length, '0')}`
  if ((mask | xor) === all && (mask & xor) === 0n) return ` | ${hex(xor)}`
  if (mask === all) return ` ^ ${hex(xor)}`
  return ` & ${hex(mask)} ^ ${hex(xor)}`
}

/** Bytes in the order in which a value of the type is written. */
export function ordered(type: Type, value: Uint8Array): Uint8Array {
  const isHost = type === TYPES.mark || type === TYPES.host || type === TYPES.ctState || type === TYPES.ctStatus
  return isHost ? value.slice().reverse() : value
}

function plain({ kind, fields, from = [] }: Operand, context: Context, mapWords: (map: Operand) => string): Worded {
  const key = Number(fields.key ?? 0)
  switch (kind) {
    case 'payload':
      return payload(fields, context)
    case 'meta': {
      const [name, type] = META[key] ?? [`${key}`, TYPES.integer]
      return { text: BARE.has(name) ? name : `meta ${name}`, type }
    }
    case 'ct': {
      const [name, type] = CT[key] ?? [`${key}`, TYPES.integer]
      const direction = ['original ', 'reply '][Number(fields.dir ?? 2)] ?? ''
      return { text: `ct ${key > 7 ? direction : ''}${name}`, type }
    }
    case 'fib': {
      const flags = FIB_FLAGS.filter((_, bit) => (Number(fields.flags ?? 0) >> bit) & 1)
      const [name, type] = FIB_RESULTS[Number(fields.result ?? 0)] ?? ['?', TYPES.integer]
      return { text: `fib ${flags.join(' . ')} ${name}`, type }
    }
    case 'rt': {
      const [name, type] = RT[key] ?? [`${key}`, TYPES.integer]
      return { text: `rt ${name}`, type }
    }
    case 'socket': {
      const [name, type] = SOCKET[key] ?? [`${key}`, TYPES.integer]
      const level = name === 'cgroupv2' ? ` level ${fields.level ?? '?'}` : ''
      return { text: `socket ${name}${level}`, type }
    }
    case 'numgen': {
      const mode = fields.expression === 'ng_inc' ? 'inc' : 'random'
      return { text: `numgen ${mode} mod ${fields.modulus}${offset(fields.offset)}`, type: TYPES.host }
    }
    case 'hash': {
      const parts = from.map((part) => plain(part, context, mapWords).text).join(' . ')
      const what = fields.expression === 'symhash' ? 'symhash' : `jhash ${parts}`
      return { text: `${what} mod ${fields.modulus}${offset(fields.offset)}`, type: TYPES.host }
    }
    case 'map':
      return { text: mapWords({ kind, fields, from }), type: TYPES.integer }
    case 'exthdr':
      return {
        text: `exthdr ${fields.type} @${Number(fields.offset ?? 0) * 8},${Number(fields.len ?? 0) * 8}`,
        type: TYPES.integer,
      }
    default:
      return { text: `[${kind}]`, type: TYPES.integer }
  }
}

function offset(value: Operand['fields'][string] | undefined): string {
  return value === undefined || value === null || Number(value) === 0 ? '' : ` offset ${value}`
}

function payload(fields: Operand['fields'], { network, transport }: Context): Worded {
  const [base, start, length] = [Number(fields.base ?? 0), Number(fields.offset ?? 0), Number(fields.len ?? 0)]
  const header = [
    ['ether', undefined],
    [network, 'network'],
    [transport ?? 'th', 'transport'],
  ][base]
  const named = HEADERS[header?.[0] ?? '']?.[`${start}:${length}`]
  if (named === undefined) return { text: `@${BASES[base] ?? base},${8 * start},${8 * length}`, type: TYPES.integer }
  const needs = header?.[1] as Worded['needs']
  return { text: `${header?.[0]} ${named[0]}`, type: named[1], ...(needs === undefined ? {} : { needs }) }
}

/** What a comparison makes sure of for what follows: the network's header, or the transport's. */
export function learned({ kind, fields }: Operand, data: Uint8Array, context: Context): Partial<Context> | null {
  const name = kind === 'meta' ? META[Number(fields.key ?? 0)]?.[0] : undefined
  const [base, start] = [Number(fields.base ?? -1), Number(fields.offset ?? 0)]
  if (name === 'nfproto') return { network: data[0] === 2 ? 'ip' : data[0] === 10 ? 'ip6' : null }
  if (name === 'protocol' || (kind === 'payload' && base === 0 && start === 12)) {
    const type = TYPES.etherType.text(data.subarray(0, 2))
    return { network: ['ip', 'ip6', 'arp'].includes(type) ? type : null }
  }
  const isProtocol =
    kind === 'payload' && base === 1 && start === (context.network === 'ip6' ? 6 : 9) && data.length === 1
  return name === 'l4proto' || isProtocol ? { transport: protocolName(data[0] ?? 0) } : null
}
