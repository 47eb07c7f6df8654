/** Network protocols: what is called for packets of each kind and for new sockets (net/core/dev.c, net/ipv4/protocol.c). */

import type { Kernel } from '../kernel.js'
import { hostOrder } from '../net-addresses.js'
import { array, hash, index, list } from '../query.js'
import type { Pointer } from './pointer.js'

/** MAX_INET_PROTOS (include/net/protocol.h). */
const PROTOCOLS = 256
/** PTYPE_HASH_SIZE (include/linux/netdevice.h). */
const PACKET_TYPES = 16
/** AF_MAX (include/linux/socket.h) until 5.14, and since then, when MCTP was added: before, something else lies there. */
const [FAMILIES, MORE_FAMILIES] = [45, 46]
const WORDS = '((unsigned long *)(container_of(, struct list_head, next)))'

export function protocolPointers(kernel: Kernel): Pointer[] {
  return [
    ...handlers(kernel, 'inet_protos', 'struct net_protocol'),
    ...handlers(kernel, 'inet6_protos', 'struct inet6_protocol'),
    ...packetTypes(kernel),
    ...families(kernel),
  ]
}

function handlers(kernel: Kernel, symbol: string, type: string): Pointer[] {
  const protocols = kernel
    .at(kernel.addresses(symbol), 'struct list_head')
    .walk(array(WORDS, { count: PROTOCOLS, pointers: true, type }))
    .select({ number: index(), handler: 'handler', error: 'err_handler' })
  return Array.from({ length: protocols.length }, (_, row) =>
    (['handler', 'error'] as const).map((member) => ({
      kind: 'protocol',
      name: `${symbol} ${member}`,
      index: protocols.column('number').number(row),
      address: protocols.column(member).bigint(row) ?? 0n,
      owner: null,
    })),
  ).flat()
}

/** What sees every packet of a type, before netfilter does: protocols, and sockets that listen to all. */
function packetTypes(kernel: Kernel): Pointer[] {
  const hashed = kernel
    .at(kernel.addresses('ptype_base'), 'struct list_head')
    .walk(hash('', 'struct packet_type', 'list', { count: PACKET_TYPES }))
    .select({ type: 'type', function: 'func' })
  const all = kernel
    .at(kernel.addresses('ptype_all'), 'struct list_head')
    .walk(list('', 'struct packet_type', 'list'))
    .select({ type: 'type', function: 'func' })
  return [hashed, all].flatMap((types) =>
    Array.from({ length: types.length }, (_, row) => {
      const type = types.column('type').number(row) ?? 0
      const ethertype = hostOrder(type)
      return {
        kind: 'packet type',
        name: `0x${ethertype.toString(16).padStart(4, '0')}`,
        index: null,
        address: types.column('function').bigint(row) ?? 0n,
        owner: null,
      }
    }),
  )
}

function families(kernel: Kernel): Pointer[] {
  const known = [
    ...readFamilies(kernel, FAMILIES),
    ...readFamilies(kernel.unheard(), MORE_FAMILIES).filter(({ number }) => number === FAMILIES),
  ]
  return known.map(({ number, create }) => ({
    kind: 'socket family',
    name: 'create',
    index: number,
    address: BigInt(create ?? 0),
    owner: null,
  }))
}

function readFamilies(kernel: Kernel, count: number) {
  const all = kernel
    .at(kernel.addresses('net_families'), 'struct list_head')
    .walk(array(WORDS, { count, pointers: true, type: 'struct net_proto_family' }))
    .select({ number: 'family', create: 'create' })
  return Array.from({ length: all.length }, (_, row) => ({
    number: all.column('number').number(row),
    create: all.column('create').bigint(row),
  }))
}
