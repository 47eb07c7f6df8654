/**
 * Where nft's own rules send packets: which they are for, by what the rule compares and by the elements of the maps in
 * which it looks for a verdict or an address. kube-proxy's mode of nftables has its services in such maps.
 */

import type { NftSet } from '../kernel/nft-sets.js'
import type { Translation } from './iptables-line.js'
import { type Operand, pointerOf, type Statement } from './nft-statements.js'
import { rangeText, TYPES, type Type, typesOf } from './nft-values.js'
import { type Names, nftWords } from './nft-words.js'
import { elementsOf } from './set-words.js'

/** What becomes of some packets: the chain that they go on to, or null, and what a port that is published is made of. */
export interface Leading {
  target: string | null
  translation: Translation
}

type Part = 'protocol' | 'destination' | 'port'

/** NFT_META_L4PROTO (include/uapi/linux/netfilter/nf_tables.h). */
const L4PROTO = 16
/** NFT_PAYLOAD_NETWORK_HEADER and NFT_PAYLOAD_TRANSPORT_HEADER. */
const [NETWORK, TRANSPORT] = [1, 2]
/** Where a header has the destination: offset and bytes in those of IPv4 and IPv6, and in that of a transport. */
const [IPV4, IPV6, PORT] = ['16/4', '24/16', '2/2']
/** NFT_NAT_DNAT. */
const DNAT = 1

/** Which part of where a packet goes an operand is. */
function partOf({ kind, fields }: Operand): { part: Part; type: Type } | null {
  if (kind === 'meta') return Number(fields.key) === L4PROTO ? { part: 'protocol', type: TYPES.protocol } : null
  if (kind !== 'payload') return null
  const place = `${fields.offset}/${fields.len}`
  if (Number(fields.base) === TRANSPORT) return place === PORT ? { part: 'port', type: TYPES.service } : null
  if (Number(fields.base) !== NETWORK) return null
  if (place === IPV4) return { part: 'destination', type: TYPES.ipv4 }
  return place === IPV6 ? { part: 'destination', type: TYPES.ipv6 } : null
}

const said = (part: Part, type: Type, from: Uint8Array, to: Uint8Array): Partial<Translation> => {
  const text = rangeText(type, from, to)
  return { [part]: part === 'port' ? text.replace('-', ':') : text }
}

/** What a rule compares for equality, whole. */
function compared(statements: readonly Statement[]): Partial<Translation> {
  const parts = statements.map((statement): Partial<Translation> => {
    if (statement.kind === 'compare' && statement.comparison === '==' && statement.left.mask === undefined) {
      const found = partOf(statement.left)
      const isWhole = found !== null && statement.data.length === found.type.length
      return isWhole ? said(found.part, found.type, statement.data, statement.data) : {}
    }
    if (statement.kind === 'range' && !statement.inverted) {
      const found = partOf(statement.left)
      return found === null ? {} : said(found.part, found.type, statement.from, statement.to)
    }
    return {}
  })
  return Object.assign({}, ...parts)
}

/** What the key of an element says of a packet. */
function keyed(set: NftSet, left: readonly Operand[], from: Uint8Array, to: Uint8Array | null): Partial<Translation> {
  const types = typesOf(set.keyType)
  let at = 0
  const parts = left.map((operand, which): Partial<Translation> => {
    const length = types[which]?.length ?? 4
    const [first, last] = [from, to ?? from].map((end) => end.subarray(at, at + length))
    at += 4 * Math.ceil(length / 4)
    const found = partOf(operand)
    return found === null || first === undefined || last === undefined || first.length < found.type.length
      ? {}
      : said(found.part, found.type, first.subarray(0, found.type.length), last.subarray(0, found.type.length))
  })
  return Object.assign({}, ...parts)
}

/** Where a rule sends packets; each element of a map that decides is a way of its own. */
export function leadingOf(
  family: string,
  statements: readonly Statement[],
  comment: string | null,
  names: Names,
  setOf: (set: bigint) => NftSet | undefined,
): Leading[] {
  const nothing: Translation = { protocol: null, destination: null, port: null, to: null, comment }
  const translation = { ...nothing, ...compared(statements) }
  return statements.flatMap((statement): Leading[] => {
    if (statement.kind === 'verdict') return [{ target: names.chain(statement.chain), translation }]
    if (statement.kind === 'vmap') {
      const set = setOf(statement.set)
      if (set === undefined) return []
      return elementsOf(set, names.chain).map(({ from, to, chain }) => ({
        target: chain,
        translation: {
          ...translation,
          ...(from === null ? {} : keyed(set, statement.left, from, to)),
          // The service's name is that of its chain.
          comment: comment ?? chain,
        },
      }))
    }
    return translated(family, statement, names, setOf).map((to) => ({
      target: null,
      translation: { ...translation, to },
    }))
  })
}

/** Addresses that a rule puts in the place of the destination. */
function translated(
  family: string,
  statement: Statement,
  names: Names,
  setOf: (set: bigint) => NftSet | undefined,
): string[] {
  if (statement.kind !== 'other' || statement.expression !== 'nat' || Number(statement.fields?.type) !== DNAT) return []
  const address = statement.operand(Number(statement.fields?.min_address))
  if (address?.kind === 'map') {
    const set = setOf(pointerOf(address.fields.set))
    return set === undefined
      ? []
      : elementsOf(set, names.chain).flatMap(({ value }) => value?.replace(' . ', ':') ?? [])
  }
  const [words = ''] = nftWords(family, [statement], null, names)
  const to = /^dnat(?: ip6?)? to (\S+)/.exec(words)?.[1]
  return to === undefined || address?.kind !== 'immediate' ? [] : [to]
}
