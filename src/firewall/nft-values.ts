/** Values as nft prints them, by the type that user space gave them. */

import { hexText } from '../bytes-text.js'
import { macText } from '../kernel/net-addresses.js'
import { protocolName } from '../kernel/net-protocols.js'
import { addressOf, prefixLength, Struct, textOf } from './bytes.js'

/** A type of values: how many bytes it has, and its text. */
export interface Type {
  length: number
  text: (value: Uint8Array) => string
  /** Whether it is a set of bits, each with a name. */
  bits?: boolean
  /** Whether a network of it has a prefix. */
  network?: boolean
}

/** A number, of the network's byte order as headers have it. */
function big(value: Uint8Array): bigint {
  return value.length === 0 ? 0n : BigInt(`0x${hexText(value)}`)
}

/** The same as the machine has it, which is little-endian. */
function little(value: Uint8Array): number {
  return new Struct(value).u32(0)
}

const INTEGER: Type = { length: 0, text: (value) => `${big(value)}` }
const HOST: Type = { length: 4, text: (value) => `${little(value)}` }

function named(
  length: number,
  names: Readonly<Record<number, string>>,
  read = (value: Uint8Array) => Number(big(value)),
): Type {
  return { length, text: (value) => names[read(value)] ?? `${read(value)}` }
}

function flags(length: number, names: Readonly<Record<number, string>>, read: (value: Uint8Array) => number): Type {
  return {
    length,
    bits: true,
    text: (value) => {
      const bits = read(value)
      const known = Object.entries(names).filter(([bit]) => bits & Number(bit))
      const rest = known.reduce((left, [bit]) => left & ~Number(bit), bits)
      const words = [...known.map(([, name]) => name), ...(rest === 0 ? [] : [`0x${(rest >>> 0).toString(16)}`])]
      return words.length === 0 ? '0x0' : words.join(',')
    },
  }
}

const quoted = (value: Uint8Array) => `"${value.includes(0) ? textOf(value) : `${textOf(value)}*`}"`

/** enum icmp types (include/uapi/linux/icmp.h, icmpv6.h), as nft names them. */
const ICMP: Readonly<Record<number, string>> = {
  ...{ 0: 'echo-reply', 3: 'destination-unreachable', 4: 'source-quench', 5: 'redirect', 8: 'echo-request' },
  ...{ 9: 'router-advertisement', 10: 'router-solicitation', 11: 'time-exceeded', 12: 'parameter-problem' },
  ...{ 13: 'timestamp-request', 14: 'timestamp-reply', 17: 'address-mask-request', 18: 'address-mask-reply' },
}
const ICMP6: Readonly<Record<number, string>> = {
  ...{ 1: 'destination-unreachable', 2: 'packet-too-big', 3: 'time-exceeded', 4: 'parameter-problem' },
  ...{ 128: 'echo-request', 129: 'echo-reply', 130: 'mld-listener-query', 131: 'mld-listener-report' },
  ...{ 132: 'mld-listener-done', 133: 'nd-router-solicit', 134: 'nd-router-advert', 135: 'nd-neighbor-solicit' },
  ...{ 136: 'nd-neighbor-advert', 137: 'nd-redirect', 143: 'mld2-listener-report' },
}
const ROUTES = [
  ...['unspec', 'unicast', 'local', 'broadcast', 'anycast', 'multicast', 'blackhole', 'unreachable', 'prohibit'],
]

export const TYPES = {
  integer: INTEGER,
  host: HOST,
  nfproto: named(1, { 2: 'ipv4', 10: 'ipv6' }),
  ipv4: { length: 4, network: true, text: addressOf },
  ipv6: { length: 16, network: true, text: addressOf },
  ether: { length: 6, text: macText },
  etherType: named(2, { 2048: 'ip', 2054: 'arp', 34525: 'ip6', 33024: '8021q', 34984: '8021ad' }),
  protocol: { length: 1, text: (value) => (big(value) === 58n ? 'ipv6-icmp' : protocolName(Number(big(value)))) },
  service: { length: 2, text: (value) => `${big(value)}` },
  icmpType: named(1, ICMP),
  icmp6Type: named(1, ICMP6),
  tcpFlags: flags(1, { 1: 'fin', 2: 'syn', 4: 'rst', 8: 'psh', 16: 'ack', 32: 'urg', 64: 'ecn', 128: 'cwr' }, (value) =>
    Number(big(value)),
  ),
  mark: { length: 4, text: (value) => `0x${little(value).toString(16).padStart(8, '0')}` },
  ctState: flags(4, { 1: 'invalid', 2: 'established', 4: 'related', 8: 'new', 64: 'untracked' }, little),
  ctStatus: flags(
    4,
    { 1: 'expected', 2: 'seen-reply', 4: 'assured', 8: 'confirmed', 16: 'snat', 32: 'dnat', 512: 'dying' },
    little,
  ),
  ctDirection: named(1, { 0: 'original', 1: 'reply' }),
  packetType: named(1, { 0: 'host', 1: 'broadcast', 2: 'multicast', 3: 'other' }),
  interface: { length: 16, text: quoted },
  routeType: named(4, { ...ROUTES }, little),
  text: { length: 16, text: quoted },
  seconds: { length: 4, text: (value) => `${little(value)}s` },
} as const satisfies Record<string, Type>

/** enum datatypes of nft, by which user space names the types of a set's keys (nftables/include/datatype.h). */
const BY_NUMBER: Readonly<Record<number, Type>> = {
  ...{ 2: TYPES.nfproto, 4: TYPES.integer, 5: TYPES.text, 7: TYPES.ipv4, 8: TYPES.ipv6, 9: TYPES.ether },
  ...{ 10: TYPES.etherType, 12: TYPES.protocol, 13: TYPES.service, 14: TYPES.icmpType, 15: TYPES.tcpFlags },
  ...{ 19: TYPES.mark, 20: TYPES.host, 24: TYPES.host, 25: TYPES.host, 26: TYPES.ctState, 27: TYPES.ctDirection },
  ...{ 28: TYPES.ctStatus, 29: TYPES.icmp6Type, 31: TYPES.packetType, 38: TYPES.routeType, 41: TYPES.interface },
}
/** What nft calls them. */
const NAMES: Readonly<Record<number, string>> = {
  ...{ 1: 'verdict', 2: 'nf_proto', 3: 'bitmask', 4: 'integer', 5: 'string', 6: 'll_addr', 7: 'ipv4_addr' },
  ...{ 8: 'ipv6_addr', 9: 'ether_addr', 10: 'ether_type', 11: 'arp_op', 12: 'inet_proto', 13: 'inet_service' },
  ...{ 14: 'icmp_type', 15: 'tcp_flag', 16: 'dccp_pkttype', 17: 'mh_type', 18: 'time', 19: 'mark', 20: 'iface_index' },
  ...{ 21: 'iface_type', 22: 'realm', 23: 'classid', 24: 'uid', 25: 'gid', 26: 'ct_state', 27: 'ct_dir' },
  ...{ 28: 'ct_status', 29: 'icmpv6_type', 30: 'ct_label', 31: 'pkt_type', 38: 'fib_addrtype', 41: 'ifname' },
}

/** A type's name: `ipv4_addr . inet_service`; null for a number that says nothing. */
export function typeName(number: number): string | null {
  const names = partsOf(number).map((part) => NAMES[part] ?? `type ${part}`)
  return names.length === 0 ? null : names.join(' . ')
}

/** TYPE_BITS: how many bits each part of a concatenation has in its type's number. */
const PART_BITS = 6

/** Numbers of a type's parts, the first one first. */
function partsOf(number: number): number[] {
  const parts: number[] = []
  for (let rest = number; rest > 0; rest = Math.floor(rest / 2 ** PART_BITS)) parts.unshift(rest % 2 ** PART_BITS)
  return parts
}

/** The parts of a key or value whose type has this number; none where it is not one of nft's. */
export function typesOf(number: number): Type[] {
  const types = partsOf(number).map((part) => BY_NUMBER[part])
  return types.every((type) => type !== undefined) ? types : []
}

/** A key or value of one or more parts, each of which begins at a whole word. */
export function concatenated(types: readonly Type[], value: Uint8Array, end: Uint8Array | null = null): string {
  if (types.length === 0) return `0x${hexText(value)}`
  let at = 0
  return types
    .map((type) => {
      const length = type.length || (types.length === 1 ? value.length : 4)
      const part = value.subarray(at, at + length)
      const last = end?.subarray(at, at + length) ?? part
      at += 4 * Math.ceil(length / 4)
      return rangeText(type, part, last)
    })
    .join(' . ')
}

/** A value, a network or a range. */
export function rangeText(type: Type, from: Uint8Array, to: Uint8Array): string {
  if (hexText(from) === hexText(to)) return type.text(from)
  const mask = from.map((byte, at) => ~(byte ^ (to[at] ?? 0)) & 0xff)
  const prefix = prefixLength(mask)
  const isNetwork = prefix !== null && from.every((byte, at) => (byte & ~(mask[at] ?? 0) & 0xff) === 0)
  const isWhole = isNetwork && to.every((byte, at) => (~byte & ~(mask[at] ?? 0) & 0xff) === 0)
  return type.network && isWhole ? `${type.text(from)}/${prefix}` : `${type.text(from)}-${type.text(to)}`
}
