/** Statements of nft that only do something, in its words. */

import { type Fields, type Operand, pointerOf, type Statement } from './nft-statements.js'
import { TYPES, type Type } from './nft-values.js'
import { saved } from './xt-matches.js'

type Other = Extract<Statement, { kind: 'other' }>

/** What words of a statement are made from. */
interface Told {
  fields: Fields
  /** A member as a number. */
  number: (name: string) => number
  family: string
  /** What is in the register that a member names; null where it names none. */
  value: (name: string, type: Type) => string | null
  set: (set: bigint, types: readonly Type[]) => string
}

/** NF_NAT_RANGE_* (include/uapi/linux/netfilter/nf_nat.h). */
const NAT_FLAGS: readonly [flag: number, name: string][] = [
  [4, 'random'],
  [16, 'fully-random'],
  [8, 'persistent'],
]
const natFlags = (flags: number) => {
  const names = NAT_FLAGS.filter(([flag]) => flags & flag).map(([, name]) => name)
  return names.length === 0 ? '' : ` ${names.join(',')}`
}

function ports({ value }: Told): string {
  const [low, high] = [value('min_port', TYPES.service), value('max_port', TYPES.service)]
  if (low === null) return ''
  return `:${high === null || high === low ? low : `${low}-${high}`}`
}

const translated =
  (name: string) =>
  (told: Told): string => {
    const to = ports(told)
    return `${name}${to === '' ? '' : ` to ${to}`}${natFlags(told.number('flags'))}`
  }

function nat(told: Told): string {
  const isIpv6 = told.number('family') === 10
  const type = isIpv6 ? TYPES.ipv6 : TYPES.ipv4
  const [low, high] = [told.value('min_address', type), told.value('max_address', type)]
  const name = told.number('type') === 0 ? 'snat' : 'dnat'
  const family = told.family === 'inet' ? (isIpv6 ? ' ip6' : ' ip') : ''
  const range = high === null || high === low ? (low ?? '') : `${low}-${high}`
  const port = ports(told)
  // A map may give both, and then the port is in no register of its own.
  const isMap = range.includes(' map ')
  const address = isIpv6 && port !== '' && !isMap ? `[${range}]` : range
  const to = isMap ? range : `${address}${port.includes('[') ? '' : port}`
  return `${name}${family} to ${to}${natFlags(told.number('flags'))}`
}

const UNITS: readonly [seconds: number, name: string][] = [
  [604_800, 'week'],
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
]
const unit = (nanoseconds: number) => UNITS.find(([seconds]) => nanoseconds / 1e9 === seconds)?.[1] ?? 'second'
const SIZES: readonly [size: number, name: string][] = [
  [1 << 20, 'mbytes'],
  [1 << 10, 'kbytes'],
]
const sized = (bytes: number) => {
  const [size, name] = SIZES.find(([size]) => bytes >= size && bytes % size === 0) ?? [1, 'bytes']
  return `${bytes / size} ${name}`
}

function limit(told: Told, isBytes: boolean): string {
  const [rate, burst] = [told.number('rate'), told.number('burst')]
  const over = told.number('invert') ? 'over ' : ''
  const what = isBytes ? `${sized(rate)}/` : `${rate}/`
  const bursts = burst === 0 ? '' : ` burst ${isBytes ? sized(burst) : `${burst} packets`}`
  return `limit rate ${over}${what}${unit(told.number('nsecs'))}${bursts}`
}

/** LOGLEVEL_* as nft names them; a warning needs no words. NF_LOG_TYPE_ULOG is for a group's listener. */
const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug']
const WARNING = 4
const ULOG = 1
function log({ fields, number }: Told): string {
  const prefix = typeof fields.prefix === 'string' && fields.prefix !== '' ? ` prefix "${fields.prefix}"` : ''
  if (number('type') === ULOG) {
    const option = (name: string, member: string) => (number(member) ? ` ${name} ${number(member)}` : '')
    return `log${prefix} group ${number('group')}${option('snaplen', 'snaplen')}${option('queue-threshold', 'threshold')}`
  }
  const level = number('level') === WARNING ? '' : ` level ${LEVELS[number('level')] ?? number('level')}`
  return `log${prefix}${level}${number('flags') ? ` flags 0x${number('flags').toString(16)}` : ''}`
}

/** enum nft_reject_inet_code, and codes of ICMP and ICMPv6 for what cannot be reached. */
const ICMPX = ['no-route', 'port-unreachable', 'host-unreachable', 'admin-prohibited']
const ICMP: Readonly<Record<number, string>> = {
  ...{ 0: 'net-unreachable', 1: 'host-unreachable', 2: 'prot-unreachable', 3: 'port-unreachable' },
  ...{ 9: 'net-prohibited', 10: 'host-prohibited', 13: 'admin-prohibited' },
}
const ICMP6 = [
  'no-route',
  'admin-prohibited',
  '2',
  'addr-unreachable',
  'port-unreachable',
  'policy-fail',
  'reject-route',
]
const TCP_RESET = 1
const ANY_ICMP = 2
function reject({ number, family }: Told): string {
  const [type, code] = [number('type'), number('code')]
  if (type === TCP_RESET) return 'reject with tcp reset'
  if (type === ANY_ICMP) return code === 1 ? 'reject' : `reject with icmpx ${ICMPX[code] ?? code}`
  if (family === 'ip6') return code === 4 ? 'reject' : `reject with icmpv6 ${ICMP6[code] ?? code}`
  return code === 3 ? 'reject' : `reject with icmp ${ICMP[code] ?? code}`
}

/** NFT_OBJECT_* (include/uapi/linux/netfilter/nf_tables.h). */
const OBJECTS = ['object', 'counter', 'quota', 'ct helper', 'limit', 'connlimit', 'tunnel', 'ct timeout', 'secmark']
const DYNSET = ['add', 'update', 'delete']

const WORDS: Readonly<Record<string, (told: Told) => string>> = {
  counter: ({ fields }) => `counter packets ${fields.packets} bytes ${fields.bytes}`,
  limit_pkts: (told) => limit(told, false),
  limit_bytes: (told) => limit(told, true),
  log,
  reject,
  masq: translated('masquerade'),
  redir: translated('redirect'),
  nat,
  quota: ({ number }) => `quota ${number('flags') & 1 ? 'over ' : ''}${sized(number('quota'))}`,
  connlimit: ({ number }) => `ct count ${number('invert') ? 'over ' : ''}${number('limit')}`,
  objref: ({ fields, number }) => `${OBJECTS[number('type')] ?? 'object'} name "${fields.name}"`,
  dynset: ({ fields, number, value, set }) =>
    `${DYNSET[number('op')] ?? number('op')} ${set(pointerOf(fields.set), [])} { ${value('key', TYPES.integer) ?? '?'} }`,
  queue: ({ number }) => {
    const [first, total, flags] = [number('queuenum'), number('total'), number('flags')]
    const names = ['bypass', 'fanout'].filter((_, bit) => (flags >> bit) & 1)
    return `queue ${names.length === 0 ? '' : `flags ${names.join(',')} `}to ${total > 1 ? `${first}-${first + total - 1}` : first}`
  },
  tproxy: (told) => {
    const address = told.value('address', told.number('family') === 10 ? TYPES.ipv6 : TYPES.ipv4)
    return `tproxy to ${address ?? ''}:${told.value('port', TYPES.service) ?? ''}`
  },
  flow_offload: ({ fields }) => `flow add @${fields.name}`,
  match: ({ fields }) => `xt match ${saved(String(fields.name))}`,
  match_large: ({ fields }) => `xt match ${saved(String(fields.name))}`,
  target: ({ fields }) => `xt target ${saved(String(fields.name))}`,
}

/** A statement's words; of one that nothing is known of, its name in brackets. */
export function otherWords(
  { name, expression, fields, operand }: Other,
  family: string,
  worded: (operand: Operand, type: Type) => string,
  names: { set: (set: bigint, types: readonly Type[]) => string },
): string {
  if (expression === 'notrack') return 'notrack'
  const words = Object.hasOwn(WORDS, expression) ? WORDS[expression] : undefined
  if (words === undefined || fields === null) return `[${name}]`
  const number = (member: string) => Number(fields[member] ?? 0)
  return words({
    ...{ fields, number, family, set: names.set },
    value: (member, type) => {
      const found = number(member) === 0 ? undefined : operand(number(member))
      return found === undefined ? null : worded(found, type)
    },
  })
}
