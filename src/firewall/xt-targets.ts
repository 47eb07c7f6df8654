/** Targets of xtables as iptables-save words them, behind `-j NAME`; laid out in include/uapi/linux/netfilter. */

import { type Family, Struct } from './bytes.js'
import { NO_NAMES, saved } from './xt-matches.js'
import { type SetName, setTargetWords } from './xt-sets.js'

type Target = (info: Struct, family: Family, revision: number, setName: SetName) => string[]

/** NF_NAT_RANGE_* (include/uapi/linux/netfilter/nf_nat.h). */
const MAP_IPS = 1
const PROTO_SPECIFIED = 2
const PROTO_RANDOM = 4
const PERSISTENT = 8
const PROTO_RANDOM_FULLY = 16

/** A range that is translated into. */
interface Range {
  flags: number
  addresses: [string, string]
  ports: [number, number]
}

/** struct nf_nat_ipv4_multi_range_compat: of IPv4, in the first revisions of all. */
function ipv4Range(info: Struct): Range {
  return {
    flags: info.u32(4),
    addresses: [info.address(8, 'ip'), info.address(12, 'ip')],
    ports: [info.be16(16), info.be16(18)],
  }
}

/** struct nf_nat_range, and nf_nat_range2 which is longer. */
function range(info: Struct, family: Family): Range {
  return {
    flags: info.u32(0),
    addresses: [info.address(4, family), info.address(20, family)],
    ports: [info.be16(36), info.be16(38)],
  }
}

function rangeOf(info: Struct, family: Family, revision: number): Range {
  return family === 'ip' && revision === 0 ? ipv4Range(info) : range(info, family)
}

const ends = <T>([low, high]: [T, T]) => (low === high ? `${low}` : `${low}-${high}`)

function flagsOf(flags: number): string[] {
  return [
    ...(flags & PROTO_RANDOM ? ['--random'] : []),
    ...(flags & PROTO_RANDOM_FULLY ? ['--random-fully'] : []),
    ...(flags & PERSISTENT ? ['--persistent'] : []),
  ]
}

const translated =
  (name: string): Target =>
  (info, family, revision) => {
    const { flags, addresses, ports } = rangeOf(info, family, revision)
    const address = flags & MAP_IPS ? ends(addresses) : ''
    const bracketed = family === 'ip6' && flags & PROTO_SPECIFIED && address !== '' ? `[${address}]` : address
    const to = `${bracketed}${flags & PROTO_SPECIFIED ? `:${ends(ports)}` : ''}`
    return [...(to === '' ? [] : [name, to]), ...flagsOf(flags)]
  }

/** MASQUERADE and REDIRECT have but one revision, of IPv4 the old range. */
const toPorts: Target = (info, family) => {
  const { flags, ports } = rangeOf(info, family, 0)
  return [...(flags & PROTO_SPECIFIED ? ['--to-ports', ends(ports)] : []), ...flagsOf(flags)]
}

/** enum ipt_reject_with and enum ip6t_reject_with. */
const REJECT: Readonly<Record<Family, readonly string[]>> = {
  ip: [
    ...[
      'icmp-net-unreachable',
      'icmp-host-unreachable',
      'icmp-proto-unreachable',
      'icmp-port-unreachable',
      'echo-reply',
    ],
    ...['icmp-net-prohibited', 'icmp-host-prohibited', 'tcp-reset', 'icmp-admin-prohibited'],
  ],
  ip6: [
    ...['icmp6-no-route', 'icmp6-adm-prohibited', 'icmp6-not-neighbour', 'icmp6-addr-unreachable'],
    ...['icmp6-port-unreachable', 'echo-reply', 'tcp-reset', 'icmp6-policy-fail', 'icmp6-reject-route'],
  ],
}

const LOG_FLAGS: readonly [flag: number, name: string][] = [
  [1, '--log-tcp-sequence'],
  [2, '--log-tcp-options'],
  [4, '--log-ip-options'],
  [8, '--log-uid'],
  [32, '--log-macdecode'],
]
/** LOGLEVEL_WARNING, which needs no words. */
const WARNING = 4
const log: Target = (info) => {
  const [level, flags, prefix] = [info.u8(0), info.u8(1), info.text(2, 30)]
  return [
    ...(prefix === '' ? [] : ['--log-prefix', saved(prefix)]),
    ...(level === WARNING ? [] : ['--log-level', `${level}`]),
    ...LOG_FLAGS.filter(([flag]) => flags & flag).map(([, name]) => name),
  ]
}

const nflog: Target = (info) => {
  const [size, group, threshold, flags, prefix] = [
    info.u32(0),
    info.u16(4),
    info.u16(6),
    info.u16(8),
    info.text(12, 64),
  ]
  return [
    ...(prefix === '' ? [] : ['--nflog-prefix', saved(prefix)]),
    ...(group ? ['--nflog-group', `${group}`] : []),
    ...(flags & 1 ? ['--nflog-size', `${size}`] : size ? ['--nflog-range', `${size}`] : []),
    ...(threshold === 1 ? [] : ['--nflog-threshold', `${threshold}`]),
  ]
}

const hex = (value: number) => `0x${value.toString(16)}`
const CONNMARK = ['--set-xmark', '--save-mark', '--restore-mark']
const connmark: Target = (info) => {
  const [mark, mask, nfmask, mode] = [info.u32(0), info.u32(4), info.u32(8), info.u8(12)]
  if (mode === 0) return ['--set-xmark', `${hex(mark)}/${hex(mask)}`]
  return [CONNMARK[mode] ?? `${mode}`, '--nfmask', hex(nfmask), '--ctmask', hex(mask)]
}

const nfqueue: Target = (info) => {
  const [number, total, flags] = [info.u16(0), info.u16(2) || 1, info.u16(4)]
  return [
    ...(total === 1 ? ['--queue-num', `${number}`] : ['--queue-balance', `${number}:${number + total - 1}`]),
    ...(flags & 1 ? ['--queue-bypass'] : []),
    ...(flags & 2 ? ['--queue-cpu-fanout'] : []),
  ]
}

/** The largest segment that fits the path. */
const CLAMP = 0xffff

const TARGETS: Readonly<Record<string, Target>> = {
  CHECKSUM: (info) => (info.u8(0) & 1 ? ['--checksum-fill'] : []),
  CONNMARK: connmark,
  CT: (info) => [
    ...(info.u16(0) & 1 ? ['--notrack'] : []),
    ...(info.text(12, 16) === '' ? [] : ['--helper', info.text(12, 16)]),
    ...(info.u16(2) ? ['--zone', `${info.u16(2)}`] : []),
  ],
  DNAT: translated('--to-destination'),
  LOG: log,
  MARK: (info) => ['--set-xmark', `${hex(info.u32(0))}/${hex(info.u32(4))}`],
  MASQUERADE: toPorts,
  NFLOG: nflog,
  NFQUEUE: nfqueue,
  NOTRACK: () => [],
  REDIRECT: toPorts,
  REJECT: (info, family) => ['--reject-with', REJECT[family][info.u32(0)] ?? `${info.u32(0)}`],
  SET: (info, _, revision, setName) => setTargetWords(info, revision, setName),
  SNAT: translated('--to-source'),
  TCPMSS: (info) => (info.u16(0) === CLAMP ? ['--clamp-mss-to-pmtu'] : ['--set-mss', `${info.u16(0)}`]),
  TPROXY: (info, family) => [
    ...['--on-port', `${info.be16(24)}`, '--on-ip', info.address(8, family)],
    ...['--tproxy-mark', `${hex(info.u32(4))}/${hex(info.u32(0))}`],
  ],
  TRACE: () => [],
}

/** `-j NAME` and what follows it; of a target that nothing is known of, its bytes. */
export function targetWords(
  name: string,
  revision: number,
  info: Uint8Array,
  family: Family,
  setName: SetName = NO_NAMES,
): string[] {
  const told = new Struct(info)
  const words = Object.hasOwn(TARGETS, name) ? TARGETS[name]?.(told, family, revision, setName) : [`[${told.hex()}]`]
  return ['-j', name, ...(words ?? [])]
}
