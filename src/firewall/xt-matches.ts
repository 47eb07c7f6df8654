/**
 * Matches of xtables as iptables-save words them, behind `-m NAME`. What each is told is laid out in
 * include/uapi/linux/netfilter/xt_*.h, netfilter_ipv4/ipt_*.h and netfilter_ipv6/ip6t_*.h.
 */

import { hexText } from '../bytes-text.js'
import { macText } from '../kernel/net-addresses.js'
import { addressOf, type Family, prefixLength, type Struct } from './bytes.js'
import { type SetName, setMatchWords } from './xt-sets.js'

/** Words of a match, in order; a name that another revision has is not among them. */
type Match = (info: Struct, family: Family, revision: number, setName: SetName) => string[]

export const NO_NAMES: SetName = () => null

const not = (invert: boolean | number) => (invert ? ['!'] : [])
const span = (low: number, high: number) => (low === high ? `${low}` : `${low}:${high}`)
const mark = (info: Struct) => {
  const [value, mask] = [info.u32(0), info.u32(4)]
  return `0x${value.toString(16)}${mask === 0xffffffff ? '' : `/0x${mask.toString(16)}`}`
}

/** A string as xtables_save_string() has it: in quotes unless it is a plain word. */
export function saved(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replace(/["\\']/g, '\\$&')}"`
}

/** An address and its mask, without the latter where it is whole. */
function withMask(address: Uint8Array, mask: Uint8Array): string {
  const prefix = prefixLength(mask)
  if (prefix === mask.length * 8) return addressOf(address)
  return `${addressOf(address)}/${prefix ?? addressOf(mask)}`
}

const PORTS = 0xffff
function ports(info: Struct, inverts: number): string[] {
  const range = (at: number, name: string, inverted: number) => {
    const [low, high] = [info.u16(at), info.u16(at + 2)]
    return low !== 0 || high !== PORTS || inverted ? [...not(inverted), name, span(low, high)] : []
  }
  return [...range(0, '--sport', inverts & 1), ...range(4, '--dport', inverts & 2)]
}

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG']
export function tcpFlags(flags: number): string {
  return TCP_FLAGS.filter((_, bit) => (flags >> bit) & 1).join(',') || 'NONE'
}

const tcp: Match = (info) => {
  const [option, mask, compared, inverts] = [info.u8(8), info.u8(9), info.u8(10), info.u8(11)]
  return [
    ...ports(info, inverts),
    ...(option || inverts & 8 ? [...not(inverts & 8), '--tcp-option', `${option}`] : []),
    ...(mask || inverts & 4 ? [...not(inverts & 4), '--tcp-flags', tcpFlags(mask), tcpFlags(compared)] : []),
  ]
}

const icmp =
  (name: string): Match =>
  (info) => {
    const [type, low, high] = [info.u8(0), info.u8(1), info.u8(2)]
    const code = low !== 0 || high !== 0xff ? `/${low}` : ''
    return [...not(info.u8(3) & 1), name, type === 0xff ? 'any' : `${type}${code}`]
  }

/** XT_CONNTRACK_STATE_*: INVALID, then those of enum ip_conntrack_info, then three beyond them. */
const CT_STATES: readonly [bit: number, name: string][] = [
  ...([
    [0, 'INVALID'],
    [3, 'NEW'],
    [2, 'RELATED'],
    [1, 'ESTABLISHED'],
  ] as const),
  ...([
    [8, 'UNTRACKED'],
    [6, 'SNAT'],
    [7, 'DNAT'],
  ] as const),
].map(([bit, name]) => [bit, name])
const CT_STATUS = ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED']
const CT_ADDRESSES = ['--ctorigsrc', '--ctorigdst', '--ctreplsrc', '--ctrepldst']

/** struct xt_conntrack_mtinfo1 to 3, which grew at their end. */
const conntrack: Match = (info, family, revision) => {
  const [flags, inverts] = [info.u16(146), info.u16(148)]
  const state = revision === 1 ? info.u8(150) : info.u16(150)
  const status = revision === 1 ? info.u8(151) : info.u16(152)
  const option = (bit: number, name: string, value: () => string) =>
    (flags >> bit) & 1 ? [...not((inverts >> bit) & 1), name, value()] : []
  const size = family === 'ip' ? 4 : 16
  const address = (at: number) => withMask(info.part(32 * at, size), info.part(32 * at + 16, size))
  const port = (at: number) =>
    span(info.u16(138 + 2 * at), revision < 3 ? info.u16(138 + 2 * at) : info.u16(154 + 2 * at))
  const states = () => CT_STATES.filter(([bit]) => (state >> bit) & 1).map(([, name]) => name)
  return [
    ...option(0, (flags >> 13) & 1 ? '--state' : '--ctstate', () => states().join(',')),
    ...option(1, '--ctproto', () => `${info.u16(136)}`),
    ...CT_ADDRESSES.flatMap((name, at) => option(2 + at, name, () => address(at))),
    ...CT_ADDRESSES.flatMap((name, at) => option(8 + at, `${name}port`, () => port(at))),
    ...option(6, '--ctstatus', () => CT_STATUS.filter((_, bit) => (status >> bit) & 1).join(',') || 'NONE'),
    ...option(7, '--ctexpire', () => span(info.u32(128), info.u32(132))),
    ...((flags >> 12) & 1 ? ['--ctdir', (inverts >> 12) & 1 ? 'REPLY' : 'ORIGINAL'] : []),
  ]
}

/** RTN_* (include/uapi/linux/rtnetlink.h). */
const ADDRESS_TYPES = [
  ...['UNSPEC', 'UNICAST', 'LOCAL', 'BROADCAST', 'ANYCAST', 'MULTICAST', 'BLACKHOLE', 'UNREACHABLE', 'PROHIBIT'],
  ...['THROW', 'NAT', 'XRESOLVE'],
]
const addrtype: Match = (info, _, revision) => {
  const types = (mask: number) => ADDRESS_TYPES.filter((_, bit) => (mask >> bit) & 1).join(',')
  const flags = info.u32(4)
  const inverts = revision === 0 ? [info.u32(4), info.u32(8)] : [flags & 1, flags & 2]
  return [
    ...(info.u16(0) ? [...not(inverts[0] ?? 0), '--src-type', types(info.u16(0))] : []),
    ...(info.u16(2) ? [...not(inverts[1] ?? 0), '--dst-type', types(info.u16(2))] : []),
    ...(revision > 0 && flags & 4 ? ['--limit-iface-in'] : []),
    ...(revision > 0 && flags & 8 ? ['--limit-iface-out'] : []),
  ]
}

const statistic: Match = (info) => {
  const invert = not(info.u16(2) & 1)
  if (info.u16(0) === 0)
    return ['--mode', 'random', ...invert, '--probability', (info.u32(4) / 0x8000_0000).toFixed(11)]
  return ['--mode', 'nth', ...invert, '--every', `${info.u32(4) + 1}`, '--packet', `${info.u32(8)}`]
}

const multiport: Match = (info) => {
  const name = ['--sports', '--dports', '--ports'][info.u8(0)] ?? '--ports'
  const count = Math.min(info.u8(1), 15)
  const words = Array.from({ length: count }, (_, at) => {
    const isEnd = at > 0 && info.u8(32 + at - 1) !== 0
    return `${at === 0 ? '' : isEnd ? ':' : ','}${info.u16(2 + 2 * at)}`
  })
  return [...not(info.u8(47)), name, words.join('')]
}

/** XT_LIMIT_SCALE (include/uapi/linux/netfilter/xt_limit.h), by a day, an hour and so on. */
const RATES: readonly [name: string, scale: number][] = [
  ['day', 864_000_000],
  ['hour', 36_000_000],
  ['min', 600_000],
  ['sec', 10_000],
]
/** A period as the largest unit in which it is exact enough. */
export function rateText(period: number): string {
  if (period === 0) return 'inf'
  const next = RATES.findIndex(
    ([, scale], at) => at > 0 && (period > scale || Math.floor(scale / period) < scale % period),
  )
  const [name, scale] = RATES[next === -1 ? RATES.length - 1 : next - 1] ?? ['day', 0]
  return `${Math.floor(scale / period)}/${name}`
}
const limit: Match = (info) => [
  ...['--limit', rateText(info.u32(0))],
  ...(info.u32(4) === 5 ? [] : ['--limit-burst', `${info.u32(4)}`]),
]

const iprange: Match = (info, family) => {
  const range = (at: number) => `${info.address(at, family)}-${info.address(at + 16, family)}`
  const flags = info.u8(64)
  return [
    ...(flags & 1 ? [...not(flags & 16), '--src-range', range(0)] : []),
    ...(flags & 2 ? [...not(flags & 32), '--dst-range', range(32)] : []),
  ]
}

const RECENT: readonly [flag: number, name: string][] = [
  [2, '--set'],
  [1, '--rcheck'],
  [4, '--update'],
  [8, '--remove'],
]
const recent: Match = (info, family, revision) => {
  const checks = info.u8(8)
  const number = (at: number, name: string) => (info.u32(at) ? [name, `${info.u32(at)}`] : [])
  return [
    ...not(info.u8(9)),
    ...RECENT.filter(([flag]) => checks & flag).map(([, name]) => name),
    ...number(0, '--seconds'),
    ...(checks & 32 ? ['--reap'] : []),
    ...number(4, '--hitcount'),
    ...(checks & 16 ? ['--rttl'] : []),
    ...['--name', info.text(10, 200)],
    ...(revision > 0 ? ['--mask', info.address(212, family)] : []),
    info.u8(210) === 0 ? '--rsource' : '--rdest',
  ]
}

const owner: Match = (info) => {
  const [flags, inverts] = [info.u8(16), info.u8(17)]
  const ids = (at: number) =>
    info.u32(at) === info.u32(at + 4) ? `${info.u32(at)}` : `${info.u32(at)}-${info.u32(at + 4)}`
  return [
    ...(flags & 4 ? [...not(inverts & 4), '--socket-exists'] : []),
    ...(flags & 1 ? [...not(inverts & 1), '--uid-owner', ids(0)] : []),
    ...(flags & 2 ? [...not(inverts & 2), '--gid-owner', ids(8)] : []),
    ...(flags & 8 ? [...not(inverts & 8), '--suppl-groups'] : []),
  ]
}

const physdev: Match = (info) => {
  const [inverts, flags] = [info.u8(64), info.u8(65)]
  const option = (flag: number, ...words: string[]) => (flags & flag ? [...not(inverts & flag), ...words] : [])
  return [
    ...option(8, '--physdev-is-in'),
    ...option(1, '--physdev-in', info.text(0, 16)),
    ...option(16, '--physdev-is-out'),
    ...option(2, '--physdev-out', info.text(32, 16)),
    ...option(4, '--physdev-is-bridged'),
  ]
}

const ttl =
  (name: string): Match =>
  (info) => {
    const mode = info.u8(0)
    return [...not(mode === 1), `--${name}-${['eq', 'eq', 'lt', 'gt'][mode] ?? 'eq'}`, `${info.u8(1)}`]
  }

const connlimit: Match = (info, family) => [
  ...[info.u32(20) & 1 ? '--connlimit-above' : '--connlimit-upto', `${info.u32(16)}`],
  ...['--connlimit-mask', `${prefixLength(info.part(0, family === 'ip' ? 4 : 16)) ?? 0}`],
  info.u32(20) & 2 ? '--connlimit-daddr' : '--connlimit-saddr',
]

const string: Match = (info) => {
  const [from, to, length] = [info.u16(0), info.u16(2), Math.min(info.u8(148), 128)]
  const pattern = info.part(20, length)
  const printable = pattern.every((byte) => byte >= 0x20 && byte < 0x7f)
  return [
    ...not(info.u8(149) & 1),
    ...(printable ? ['--string', saved(info.text(20, length))] : ['--hex-string', `"|${hexText(pattern)}|"`]),
    ...['--algo', info.text(4, 16)],
    ...(from ? ['--from', `${from}`] : []),
    ...(to && to !== PORTS ? ['--to', `${to}`] : []),
    ...(info.u8(149) & 2 ? ['--icase'] : []),
  ]
}

const RPFILTER = ['--loose', '--validmark', '--accept-local', '--invert']
const PACKET_TYPES = ['unicast', 'broadcast', 'multicast']

const MATCHES: Readonly<Record<string, Match>> = {
  addrtype,
  comment: (info) => ['--comment', saved(info.text(0, 256))],
  connlimit,
  connmark: (info) => [...not(info.u8(8)), '--mark', mark(info)],
  conntrack,
  dscp: (info) => [...not(info.u8(1)), '--dscp', `0x${info.u8(0).toString(16).padStart(2, '0')}`],
  helper: (info) => [...not(info.u32(0)), '--helper', saved(info.text(4, 30))],
  hl: ttl('hl'),
  icmp: icmp('--icmp-type'),
  icmp6: icmp('--icmpv6-type'),
  iprange,
  length: (info) => [...not(info.u8(4)), '--length', span(info.u16(0), info.u16(2))],
  limit,
  mac: (info) => [...[...not(info.u32(8)), '--mac-source'], macText(info.part(0, 6)).toUpperCase()],
  mark: (info) => [...not(info.u8(8)), '--mark', mark(info)],
  multiport,
  owner,
  physdev,
  pkttype: (info) => [...not(info.u32(4)), '--pkt-type', PACKET_TYPES[info.u32(0)] ?? `${info.u32(0)}`],
  recent,
  rpfilter: (info) => RPFILTER.filter((_, bit) => (info.u8(0) >> bit) & 1),
  set: (info, _, revision, setName) => setMatchWords(info, revision, setName),
  statistic,
  string,
  tcp,
  tcpmss: (info) => [...not(info.u8(4)), '--mss', span(info.u16(0), info.u16(2))],
  ttl: ttl('ttl'),
  udp: (info) => ports(info, info.u8(8)),
}

/** `-m NAME` and what follows it; of a match that nothing is known of, its bytes. */
export function matchWords(
  name: string,
  revision: number,
  info: Struct,
  family: Family,
  setName: SetName = NO_NAMES,
): string[] {
  const words = Object.hasOwn(MATCHES, name) ? MATCHES[name]?.(info, family, revision, setName) : undefined
  const isState = name === 'conntrack' && words?.includes('--state') === true
  return ['-m', isState ? 'state' : name, ...(words ?? [`[${info.hex()}]`])]
}
