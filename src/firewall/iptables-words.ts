/** Rules as iptables-save words them. */

import { protocolName } from '../kernel/net-protocols.js'
import { type Family, Struct, textOf } from './bytes.js'
import { type Header, type Line, lineOf } from './iptables-line.js'
import type { Operand, Statement } from './nft-statements.js'
import { matchWords, saved } from './xt-matches.js'
import type { SetName } from './xt-sets.js'
import { targetWords } from './xt-targets.js'

/** NFT_META_* (include/uapi/linux/netfilter/nf_tables.h) that iptables-nft writes. */
const META = { mark: 3, iifname: 6, oifname: 7, nftrace: 12, l4proto: 16, pkttype: 19 }
/** NFT_PAYLOAD_NETWORK_HEADER and NFT_PAYLOAD_TRANSPORT_HEADER. */
const NETWORK = 1
const TRANSPORT = 2
/** Where a header has its addresses and its protocol, and how long an address is. */
const PLACES: Readonly<
  Record<Family, { source: number; destination: number; protocol: number; ttl: number; size: number }>
> = {
  ip: { source: 12, destination: 16, protocol: 9, ttl: 8, size: 4 },
  ip6: { source: 8, destination: 24, protocol: 6, ttl: 7, size: 16 },
}
/** NF_DROP, NF_ACCEPT, NFT_JUMP, NFT_GOTO and NFT_RETURN. */
const VERDICTS: Readonly<Record<number, string>> = { 0: 'DROP', 1: 'ACCEPT', [-5]: 'RETURN' }
const JUMP = -3
const GOTO = -4
const PORTS = 0xffff

/** A rule of iptables-nft while its statements are read. */
interface Draft {
  family: Family
  setName: SetName
  header: Header
  /** By what they are of; those of a protocol that iptables-nft has made single statements of grow together. */
  matches: (string[] | Ports)[]
  target: string[]
}

/** Ports and flags that are asked of TCP, UDP and the like. */
interface Ports {
  name: string
  source?: { low: number; high: number; not: boolean }
  destination?: { low: number; high: number; not: boolean }
  flags?: { mask: number; value: number; not: boolean }
}

/** A line of iptables-save, or null for a rule that iptables-nft would not have made. */
export function iptablesLine(
  chain: string,
  family: Family,
  statements: readonly Statement[],
  comment: string | null,
  chainName: (chain: bigint) => string | null,
  setName: SetName,
): Line | null {
  const draft: Draft = { family, setName, header: {}, matches: [], target: [] }
  for (const statement of statements) if (!take(draft, statement, chainName)) return null
  if (comment !== null) draft.matches.push(['-m', 'comment', '--comment', saved(comment)])
  const matches = draft.matches.map((match) => (Array.isArray(match) ? match : portWords(match)))
  return lineOf(chain, draft.header, matches, draft.target)
}

/** Adds a statement to the rule; false where iptables has no words for it. */
function take(draft: Draft, statement: Statement, chainName: (chain: bigint) => string | null): boolean {
  switch (statement.kind) {
    case 'compare':
      return compare(draft, statement)
    case 'range':
      return ports(draft, statement.left, statement.inverted, statement.from, statement.to)
    case 'verdict': {
      const { code, chain } = statement
      const target = VERDICTS[code] ?? (code === JUMP || code === GOTO ? chainName(chain) : null)
      if (target === null || draft.target.length > 0) return false
      draft.target = [code === GOTO ? '-g' : '-j', target]
      return true
    }
    case 'assign':
      return assign(draft, statement)
    case 'other':
      return other(draft, statement)
    default:
      return false
  }
}

function other(draft: Draft, { expression, fields }: Extract<Statement, { kind: 'other' }>): boolean {
  if (expression === 'counter') return true
  if (fields === null || typeof fields.name !== 'string' || !(fields.info instanceof Uint8Array)) return false
  const revision = Number(fields.revision ?? 0)
  if (expression === 'target') {
    draft.target = targetWords(fields.name, revision, fields.info, draft.family, draft.setName)
  } else if (expression.startsWith('match')) {
    draft.matches.push(matchWords(fields.name, revision, new Struct(fields.info), draft.family, draft.setName))
  } else return false
  return true
}

function assign(draft: Draft, { to, fields, value }: Extract<Statement, { kind: 'assign' }>): boolean {
  if (to !== 'meta') return false
  if (fields.key === META.nftrace) draft.target = ['-j', 'TRACE']
  else if (fields.key === META.mark && value.kind === 'immediate' && value.fields.data instanceof Uint8Array) {
    draft.target = ['-j', 'MARK', '--set-xmark', `0x${new Struct(value.fields.data).u32(0).toString(16)}/0xffffffff`]
  } else return false
  return true
}

function compare(draft: Draft, { left, comparison, data }: Extract<Statement, { kind: 'compare' }>): boolean {
  if (comparison !== '==' && comparison !== '!=') return false
  const not = comparison === '!='
  if (left.kind === 'meta') return compareMeta(draft, left, not, data)
  if (left.kind !== 'payload') return false
  const [base, offset] = [left.fields.base, Number(left.fields.offset)]
  const places = PLACES[draft.family]
  if (base === TRANSPORT) return compareTransport(draft, left, not, data)
  if (base !== NETWORK) return false
  if (offset === places.protocol) draft.header.protocol = { number: data[0] ?? 0, not }
  else if (offset === places.source) draft.header.source = networkOf(left, data, not, places.size)
  else if (offset === places.destination) draft.header.destination = networkOf(left, data, not, places.size)
  else if (offset === places.ttl) {
    draft.matches.push([
      ...['-m', draft.family === 'ip' ? 'ttl' : 'hl'],
      ...(not ? ['!'] : []),
      ...ttl(draft.family, data),
    ])
  } else return false
  return true
}

function ttl(family: Family, data: Uint8Array): string[] {
  return [family === 'ip' ? '--ttl-eq' : '--hl-eq', `${data[0] ?? 0}`]
}

/** What was compared in fewer bytes than an address has is a network; so is what a mask was laid over. */
function networkOf(left: Operand, data: Uint8Array, not: boolean, size: number): NonNullable<Header['source']> {
  const address = new Uint8Array(size)
  address.set(data.subarray(0, size))
  const mask = new Uint8Array(size)
  mask.set(left.mask?.subarray(0, size) ?? new Uint8Array(Math.min(data.length, size)).fill(0xff))
  return { address, mask, not }
}

function compareMeta(draft: Draft, left: Operand, not: boolean, data: Uint8Array): boolean {
  const number = new Struct(data).u32(0)
  switch (left.fields.key) {
    case META.iifname:
      draft.header.in = { name: interfaceName(data), not }
      return true
    case META.oifname:
      draft.header.out = { name: interfaceName(data), not }
      return true
    case META.l4proto:
      draft.header.protocol = { number: data[0] ?? 0, not }
      return true
    case META.mark: {
      const mask = left.mask === undefined ? 0xffffffff : new Struct(left.mask).u32(0)
      const value = `0x${number.toString(16)}${mask === 0xffffffff ? '' : `/0x${mask.toString(16)}`}`
      draft.matches.push(['-m', 'mark', ...(not ? ['!'] : []), '--mark', value])
      return true
    }
    case META.pkttype: {
      const type = ['unicast', 'broadcast', 'multicast'][data[0] ?? 0]
      draft.matches.push(['-m', 'pkttype', ...(not ? ['!'] : []), '--pkt-type', type ?? `${data[0]}`])
      return true
    }
    default:
      return false
  }
}

/** A name that was compared without its NUL is the beginning of many. */
function interfaceName(data: Uint8Array): string {
  return data.includes(0) ? textOf(data) : `${textOf(data)}+`
}

const FLAGS = 13
function compareTransport(draft: Draft, left: Operand, not: boolean, data: Uint8Array): boolean {
  const offset = Number(left.fields.offset)
  const name = protocolName(draft.header.protocol?.number ?? 0)
  if (name === 'icmp' || name === 'icmpv6') {
    const option = name === 'icmp' ? '--icmp-type' : '--icmpv6-type'
    const match = name === 'icmp' ? 'icmp' : 'icmp6'
    if (offset !== 0) return false
    draft.matches.push(['-m', match, ...(not ? ['!'] : []), option, Array.from(data).join('/')])
    return true
  }
  if (name === 'tcp' && offset === FLAGS && data.length === 1) {
    portsOf(draft, name).flags = { mask: left.mask?.[0] ?? 0xff, value: data[0] ?? 0, not }
    return true
  }
  return ports(draft, left, not, data, data)
}

function ports(draft: Draft, left: Operand, not: boolean, low: Uint8Array, high: Uint8Array): boolean {
  const name = protocolName(draft.header.protocol?.number ?? 0)
  if (left.kind !== 'payload' || left.fields.base !== TRANSPORT || (name !== 'tcp' && name !== 'udp')) return false
  const offset = Number(left.fields.offset)
  const [from, to] = [new Struct(low), new Struct(high)]
  const match = portsOf(draft, name)
  if (offset === 0) match.source = { low: from.be16(0), high: to.be16(0), not }
  if (offset === 0 && low.length === 4) match.destination = { low: from.be16(2), high: to.be16(2), not }
  if (offset === 2) match.destination = { low: from.be16(0), high: to.be16(0), not }
  return offset === 0 || offset === 2
}

function portsOf(draft: Draft, name: string): Ports {
  const known = draft.matches.find((match): match is Ports => !Array.isArray(match) && match.name === name)
  if (known !== undefined) return known
  const match: Ports = { name }
  draft.matches.push(match)
  return match
}

/** In the words of the extension that iptables-nft has made statements of. */
function portWords({ name, source, destination, flags }: Ports): string[] {
  const info = new Uint8Array(16)
  const put = (at: number, value: number) => info.set([value & 0xff, value >> 8], at)
  put(0, source?.low ?? 0)
  put(2, source?.high ?? PORTS)
  put(4, destination?.low ?? 0)
  put(6, destination?.high ?? PORTS)
  const inverts = (source?.not ? 1 : 0) | (destination?.not ? 2 : 0) | (flags?.not ? 4 : 0)
  if (name === 'udp') info[8] = inverts
  else info.set([0, flags?.mask ?? 0, flags?.value ?? 0, inverts], 8)
  return matchWords(name, 0, new Struct(info), 'ip')
}
