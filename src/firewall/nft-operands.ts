/** What rules look at, as nft names it, and of which type it is. */

import { hexText } from '../bytes-text.js'
import { protocolName } from '../kernel/net-protocols.js'
import { BARE, BASES, CT, FIB_FLAGS, FIB_RESULTS, HEADERS, META, RT, SOCKET } from './nft-operand-names.js'
import type { Operand } from './nft-statements.js'
import { TYPES, type Type } from './nft-values.js'

/** What a rule has made sure of: whose header is the network's and whose the transport's. */
export interface Context {
  network: string | null
  transport: string | null
}

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
