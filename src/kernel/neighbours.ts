/** `struct neighbour`: hardware addresses of what is on the same link, by ARP and neighbour discovery (net/core/neighbour.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { ipv4Text, ipv6Text, macText } from './net-addresses.js'
import { array, bytes, chain, firstOf, hash, type Nested, type Selects, text } from './query.js'

const TABLE = 'struct neigh_table'
const NEIGHBOUR = 'struct neighbour'
/** Buckets of a table, as a power of two: what no machine has memory for. */
const MOST_BITS = 24

/** NUD_* (include/uapi/linux/neighbour.h), with ip's names. */
const STATES: Readonly<Record<number, string>> = {
  0: 'NONE',
  1: 'INCOMPLETE',
  2: 'REACHABLE',
  4: 'STALE',
  8: 'DELAY',
  16: 'PROBE',
  32: 'FAILED',
  64: 'NOARP',
  128: 'PERMANENT',
}
/** Of states in which a hardware address is known (NUD_VALID, include/net/neighbour.h). */
const VALID = 0xde
/** NTF_* (include/uapi/linux/neighbour.h). */
const FLAGS = [
  ['router', 0x80],
  ['extern_learn', 0x10],
  ['offload', 0x20],
] as const

/** Who is known on a link. */
export interface Neighbour {
  /** Of its `struct neighbour`. */
  address: bigint
  /** Inode number of the interface's namespace. */
  net_ns: number | null
  ip: string | null
  mac: string | null
  /** Name of the interface. */
  interface: string | null
  state: string | null
  flags: string[] | null
}

const VALUES = {
  net_ns: 'dev->nd_net.net->ns.inum',
  interface: text('dev->name'),
  hardware: bytes('ha'),
  length: 'dev->addr_len',
  state: 'nud_state',
  flags: 'flags',
} as const

/** The tables by the kernel's names for them, and the address that is each neighbour's key. */
const TABLES = [
  { symbol: 'arp_tbl', key: { ipv4: '((unsigned int *)primary_key)[0]' } },
  { symbol: 'nd_tbl', key: { ipv6: bytes('((struct in6_addr *)primary_key)[0]') } },
] as const

/** Chains of a table: by `hash` from 6.14 on; before, by `next` from the first of each. */
const nested = (count: number, select: Selects) =>
  ({
    walk: firstOf(
      hash('nht->hash_heads', NEIGHBOUR, 'hash', { count }),
      array('nht->hash_buckets', { count, pointers: true, type: NEIGHBOUR }),
    ),
    rules: [{ path: 'tbl', is: 'origin' }],
    select,
    children: {
      more: {
        walk: firstOf(chain('next', NEIGHBOUR, 'next'), array('ha', { count: 0, type: NEIGHBOUR })),
        rules: [{ path: 'tbl', is: { equals: '^.tbl' } }],
        select,
      },
    },
  }) satisfies Nested

/** Neighbours of all namespaces: those by IPv4 first. */
export function readNeighbours(kernel: Kernel): Neighbour[] {
  return TABLES.flatMap(({ symbol, key }) => {
    const table = kernel.symbolAddress(symbol)
    const found = table === null ? [] : [table]
    const shift = kernel.at(found, TABLE).select({ shift: 'nht->hash_shift' })
    const bits = shift.length === 0 ? 0 : (shift.column('shift').number(0) ?? 0)
    if (bits > MOST_BITS) {
      kernel.warn({ code: 'torn', message: `${symbol} cannot have 2^${bits} buckets: left out`, count: 1 })
      return []
    }
    const heads = kernel
      .at(found, TABLE)
      .select({}, { heads: nested(2 ** bits, { ...VALUES, ...key }) })
      .child('heads')
    return [heads, heads.child('more')].flatMap((batch) =>
      Array.from({ length: batch.length }, (_, row) => neighbour(batch, row, symbol)),
    )
  })
}

function neighbour(batch: Batch, row: number, symbol: string): Neighbour {
  const [state, flags] = [batch.column('state').number(row), batch.column('flags').number(row)]
  const length = batch.column('length').number(row) ?? 0
  const hardware = batch.column('hardware').bytes(row)
  const known = state !== null && (state & VALID) !== 0 && length > 0 && hardware !== null
  return {
    address: batch.address(row),
    net_ns: batch.column('net_ns').number(row),
    ip: symbol === 'arp_tbl' ? ipv4Of(batch, row) : ipv6Of(batch, row),
    mac: known ? macText(hardware.subarray(0, length)) : null,
    interface: batch.column('interface').text(row),
    state: state === null ? null : (STATES[state] ?? `0x${state.toString(16)}`),
    flags: flags === null ? null : FLAGS.flatMap(([name, bit]) => ((flags & bit) !== 0 ? [name] : [])),
  }
}

function ipv4Of(batch: Batch, row: number): string | null {
  const address = batch.column('ipv4').number(row)
  return address === null ? null : ipv4Text(address)
}

function ipv6Of(batch: Batch, row: number): string | null {
  const address = batch.column('ipv6').bytes(row)
  return address === null ? null : ipv6Text(address)
}
