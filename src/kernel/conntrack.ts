/** `struct nf_conn`: connections that netfilter keeps track of (net/netfilter/nf_conntrack_core.c). */

import type { Batch } from './batch.js'
import { readTicks, secondsTo } from './jiffies.js'
import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { hostOrder, ipv4Text, ipv6Text } from './net-addresses.js'
import { protocolName } from './net-protocols.js'
import { NF_CONN, rulesOf, TUPLE_HASH } from './objects.js'
import { addressOf, bytes, hash, optional } from './query.js'

/** AF_INET and AF_INET6, which are the `l3num` of a tuple. */
const AF_INET = 2
const AF_INET6 = 10

/** enum tcp_conntrack (include/uapi/linux/netfilter/nf_conntrack_tcp.h), as /proc/net/nf_conntrack names them. */
const TCP = ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE']
/** TCP_CONNTRACK_SYN_SENT2 is the ninth. */
const TCP_STATES = [...TCP, 'SYN_SENT2']
/** enum sctp_conntrack (include/uapi/linux/netfilter/nf_conntrack_sctp.h). */
const SCTP_STATES = [
  ...['NONE', 'CLOSED', 'COOKIE_WAIT', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECD'],
  ...['SHUTDOWN_ACK_SENT', 'HEARTBEAT_SENT', 'HEARTBEAT_ACKED'],
]
/** enum ct_dccp_states (include/uapi/linux/netfilter/nf_conntrack_dccp.h). */
const DCCP_STATES = ['NONE', 'REQUEST', 'RESPOND', 'PARTOPEN', 'OPEN', 'CLOSEREQ', 'CLOSING', 'TIMEWAIT']

/** enum ip_conntrack_status (include/uapi/linux/netfilter/nf_conntrack_common.h), by their bits. */
const STATUS = [
  ...['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'SRC_NAT', 'DST_NAT', 'SEQ_ADJUST', 'SRC_NAT_DONE'],
  ...['DST_NAT_DONE', 'DYING', 'FIXED_TIMEOUT', 'TEMPLATE', 'NAT_CLASH', 'HELPER', 'OFFLOAD', 'HW_OFFLOAD'],
]

/** Protocols whose tuples have a port of each end (include/net/netfilter/nf_conntrack_tuple.h). */
const WITH_PORTS: ReadonlySet<string> = new Set(['tcp', 'udp', 'udplite', 'sctp', 'dccp'])
const ICMP: ReadonlySet<string> = new Set(['icmp', 'icmpv6'])

/** One direction of a connection; ports are null where its protocol has none. */
export interface Tuple {
  source: string | null
  source_port: number | null
  destination: string | null
  destination_port: number | null
}

/** What was counted in a direction, where the namespace counts. */
export interface Traffic {
  packets: bigint
  bytes: bigint
}

/** A tracked connection. */
export interface Connection {
  address: bigint
  /** Inode number of its namespace. */
  net_ns: number | null
  protocol: string | null
  /** Of TCP, SCTP and DCCP. */
  state: string | null
  original: Tuple
  /** What answers are like, after address translation: they come from where packets were really sent. */
  reply: Tuple
  /** `type=8 code=0 id=7`, where it is one of ICMP. */
  icmp: string | null
  status: string[] | null
  /** Seconds until it is forgotten; negative where that should have been, and nobody has looked. */
  timeout: number | null
  mark: number | null
  zone: number | null
  sent: Traffic | null
  received: Traffic | null
  /** When it began, in nanoseconds since the epoch, where the namespace notes that. */
  started: bigint | null
}

const tuple = (direction: number, name: string) => `tuplehash[${direction}].tuple.${name}`

const MEMBERS = {
  net_ns: 'ct_net.net->ns.inum',
  family: tuple(0, 'src.l3num'),
  protocol: tuple(0, 'dst.protonum'),
  source: bytes(tuple(0, 'src.u3')),
  source_port: tuple(0, 'src.u.all'),
  destination: bytes(tuple(0, 'dst.u3')),
  destination_port: tuple(0, 'dst.u.all'),
  reply_source: bytes(tuple(1, 'src.u3')),
  reply_source_port: tuple(1, 'src.u.all'),
  reply_destination: bytes(tuple(1, 'dst.u3')),
  reply_destination_port: tuple(1, 'dst.u.all'),
  icmp_type: tuple(0, 'dst.u.icmp.type'),
  icmp_code: tuple(0, 'dst.u.icmp.code'),
  tcp: 'proto.tcp.state',
  sctp: optional('proto.sctp.state'),
  dccp: optional('proto.dccp.state'),
  status: 'status',
  timeout: 'timeout',
  mark: optional('mark'),
  zone: optional('zone.id'),
  extensions: 'ext',
  counters: optional('ext->offset[NF_CT_EXT_ACCT]'),
  times: optional('ext->offset[NF_CT_EXT_TSTAMP]'),
} as const

type Members = Batch<typeof MEMBERS>

/** The tracked connections of all namespaces, each one's in the order of the kernel's table. */
export function readConnections(kernel: Kernel): Connection[] {
  const { value, lacks } = unlessLacking(() => connectionsOf(kernel))
  if (kernel.symbolAddress('nf_conntrack_hash') === null) {
    kernel.warn({
      code: 'absent',
      message: 'nf_conntrack is not loaded, or its symbols are lost: no connections are known',
    })
  } else if (lacks !== null) kernel.warn({ code: 'unreadable', message: lacks })
  return value ?? []
}

function connectionsOf(kernel: Kernel): Connection[] {
  const batch = kernel.at(connectionAddresses(kernel), NF_CONN).obeying(rulesOf(NF_CONN)).select(MEMBERS)
  const ticks = readTicks(kernel)
  const extensions = readExtensions(kernel, batch)
  const connections = Array.from({ length: batch.length }, (_, row) => {
    const number = (name: keyof typeof MEMBERS & string) => batch.column(name).number(row)
    const protocol = number('protocol') === null ? null : protocolName(number('protocol') ?? 0)
    const timeout = number('timeout')
    return {
      address: batch.address(row),
      net_ns: number('net_ns'),
      protocol,
      state: stateOf(batch, row, protocol),
      original: tupleOf(batch, row, protocol, ''),
      reply: tupleOf(batch, row, protocol, 'reply_'),
      icmp: icmpOf(batch, row, protocol),
      status: statusOf(number('status')),
      timeout: ticks === null || timeout === null ? null : secondsTo(ticks, timeout),
      mark: number('mark'),
      zone: number('zone'),
      ...extensions(row),
    }
  })
  return connections.sort((left, right) => (left.net_ns ?? 0) - (right.net_ns ?? 0))
}

/** Of all connections, each by either of its directions: one that lacks the other is a connection, too. */
function connectionAddresses(kernel: Kernel): Set<bigint> {
  const table = kernel.symbolAddress('nf_conntrack_hash')
  const size = kernel.symbolAddress('nf_conntrack_htable_size')
  const known = (address: bigint | null) => (address === null ? [] : [address])
  const count = kernel.at(known(size), 'unsigned int').select({ value: '' }).column('value').number(0) ?? 0
  const hashed = kernel
    .at(known(table), 'struct hlist_nulls_head *')
    .walk(hash('', TUPLE_HASH, 'hnnode', { count }))
    .select({ direction: 'tuple.dst.dir', connection: 'container_of(, struct nf_conn, tuplehash)' })
  const stride = distanceOfDirections(kernel)
  const addresses = Array.from({ length: hashed.length }, (_, row) => {
    const distance = hashed.column('direction').number(row) === 0 ? 0n : stride
    return (hashed.column('connection').bigint(row) ?? 0n) - distance
  })
  return new Set(addresses)
}

/** What both directions lie apart. */
function distanceOfDirections(kernel: Kernel): bigint {
  const places = kernel
    .at([0n], NF_CONN)
    .select({ first: addressOf('tuplehash[0]'), second: addressOf('tuplehash[1]') })
  return (places.column('second').bigint(0) ?? 0n) - (places.column('first').bigint(0) ?? 0n)
}

function tupleOf(batch: Members, row: number, protocol: string | null, prefix: '' | 'reply_'): Tuple {
  const family = batch.column('family').number(row)
  const address = (name: 'source' | 'destination') => addressText(family, batch.column(`${prefix}${name}`).bytes(row))
  const port = (name: 'source_port' | 'destination_port') =>
    protocol !== null && WITH_PORTS.has(protocol) ? portOf(batch.column(`${prefix}${name}`).number(row)) : null
  return {
    source: address('source'),
    source_port: port('source_port'),
    destination: address('destination'),
    destination_port: port('destination_port'),
  }
}

/** A `union nf_inet_addr`; null in a family that has none. */
function addressText(family: number | null, address: Uint8Array | null): string | null {
  if (address === null) return null
  if (family === AF_INET6) return ipv6Text(address)
  return family === AF_INET ? ipv4Text(new DataView(address.buffer, address.byteOffset).getUint32(0, true)) : null
}

function portOf(port: number | null): number | null {
  return port === null ? null : hostOrder(port)
}

function icmpOf(batch: Members, row: number, protocol: string | null): string | null {
  if (protocol === null || !ICMP.has(protocol)) return null
  const [type, code] = [batch.column('icmp_type').number(row), batch.column('icmp_code').number(row)]
  return `type=${type ?? '?'} code=${code ?? '?'} id=${portOf(batch.column('source_port').number(row)) ?? '?'}`
}

function stateOf(batch: Members, row: number, protocol: string | null): string | null {
  const state = (names: readonly string[], column: 'tcp' | 'sctp' | 'dccp') => {
    const value = batch.column(column).number(row)
    return value === null ? null : (names[value] ?? String(value))
  }
  if (protocol === 'tcp') return state(TCP_STATES, 'tcp')
  if (protocol === 'sctp') return state(SCTP_STATES, 'sctp')
  return protocol === 'dccp' ? state(DCCP_STATES, 'dccp') : null
}

function statusOf(status: number | null): string[] | null {
  return status === null ? null : STATUS.filter((_, bit) => ((status >> bit) & 1) === 1)
}

type Extensions = Pick<Connection, 'sent' | 'received' | 'started'>

/**
 * What a connection may have behind it: counters of both directions (struct nf_conn_acct: packets and bytes, twice) and
 * moments (struct nf_conn_tstamp: start, stop). An offset of zero says that it has none.
 */
function readExtensions(kernel: Kernel, batch: Members): (row: number) => Extensions {
  const words = new Map<bigint, bigint>()
  const place = (row: number, kind: 'counters' | 'times'): bigint | null => {
    const [extensions, offset] = [batch.column('extensions').bigint(row), batch.column(kind).bigint(row)]
    return extensions === null || offset === null || offset === 0n ? null : extensions + offset
  }
  const wanted = Array.from({ length: batch.length }, (_, row) => {
    const [counters, times] = [place(row, 'counters'), place(row, 'times')]
    return [
      ...(counters === null ? [] : [0n, 8n, 16n, 24n].map((at) => counters + at)),
      ...(times === null ? [] : [times]),
    ]
  }).flat()
  for (const { address, value } of kernel.at(wanted, 'unsigned long').select({ value: '' })) {
    if (value !== null) words.set(address, BigInt(value))
  }
  const word = (start: bigint | null, at: bigint) => (start === null ? null : (words.get(start + at) ?? null))
  const traffic = (start: bigint | null, at: bigint): Traffic | null => {
    const [packets, bytes] = [word(start, at), word(start, at + 8n)]
    return packets === null || bytes === null ? null : { packets, bytes }
  }
  return (row) => {
    const counters = place(row, 'counters')
    return { sent: traffic(counters, 0n), received: traffic(counters, 16n), started: word(place(row, 'times'), 0n) }
  }
}
