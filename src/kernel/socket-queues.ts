/** `struct sk_buff`: what a socket received and nobody has read yet, and what it has not sent (include/linux/skbuff.h). */

import { append } from '../append.js'
import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { type Contents, type Piece, pageAddresses, readContents } from './memory-pieces.js'
import { SOCK } from './objects.js'
import { array, list, type Nested, rbtree, type Walk } from './query.js'
import { isOfConnection } from './tcp-sequences.js'

export const BUFFER = 'struct sk_buff'
/** Fragments of a buffer; a kernel can be built for 45 (MAX_SKB_FRAGS). */
const MOST_FRAGMENTS = 64

/** Which queue: what may be read, what waits to be sent, what was sent and not acknowledged. */
export type QueueName = 'received' | 'to send' | 'unacknowledged'

/** A queue that is not empty. */
export interface Queue extends Contents {
  /** Of the `struct sock`. */
  socket: bigint
  queue: QueueName
  packets: number
  /** Bytes that are still to be read, or sent. */
  size: number
}

/** A buffer's first two members are those of a `struct list_head`, and so are its queue's. */
export const inQueue = (head: string): Walk => list(head, BUFFER, ['list', '((struct list_head *)rbnode)'])

const queued = (head: string): Walk => inQueue(`((struct list_head *)${head})`)

const VALUES = {
  length: 'len',
  paged: 'data_len',
  data: 'data',
  head: 'head',
  end: 'end',
  sequence: '((struct tcp_skb_cb *)cb)->seq',
  last: '((struct tcp_skb_cb *)cb)->end_seq',
  consumed: '((struct unix_skb_parms *)cb)->consumed',
} as const

const buffers = (walk: Walk) => ({ walk, select: VALUES }) satisfies Nested

const QUEUES = {
  received: buffers(queued('sk_receive_queue')),
  'to send': buffers(queued('sk_write_queue')),
} satisfies Record<string, Nested>
const UNACKNOWLEDGED = { unacknowledged: buffers(rbtree('tcp_rtx_queue', BUFFER, 'rbnode')) }
/** What a reader of UDP has taken over already. */
const TAKEN = {
  received: buffers(queued('((struct udp_sock *)container_of(__sk_common, struct sock, __sk_common))->reader_queue')),
}
const ofTcp = (member: string) => `((struct tcp_sock *)container_of(__sk_common, struct sock, __sk_common))->${member}`
const CONNECTION = {
  copied: ofTcp('copied_seq'),
  unacknowledged: ofTcp('snd_una'),
  next: ofTcp('snd_nxt'),
  expected: ofTcp('rcv_nxt'),
} as const

/** A buffer in a queue. */
interface Buffer {
  socket: bigint
  queue: QueueName
  /** Bytes at its start that were read already. */
  read: number
  length: number
  linear: Piece
  /** Of its `struct skb_shared_info`. */
  shared: bigint
}

/** Sockets by the kind of queues that they have. */
export interface QueueOwners {
  tcp: readonly bigint[]
  udp: readonly bigint[]
  unix: readonly bigint[]
  others: readonly bigint[]
}

/** All queues of sockets that have something in them. */
export function readSocketQueues(kernel: Kernel, { tcp, udp, unix, others }: QueueOwners): Queue[] {
  const found = [
    ...connectionBuffers(kernel, tcp),
    ...buffersOf(kernel.at(udp, SOCK).select({}, TAKEN), 'received', () => 0),
    ...buffersOf(
      kernel.at(unix, SOCK).select({}, { received: QUEUES.received }),
      'received',
      (batch, row) => batch.column('consumed').number(row) ?? 0,
    ),
  ]
  const plain = kernel.at([...udp, ...others], SOCK).select({}, QUEUES)
  found.push(...buffersOf(plain, 'received', () => 0), ...buffersOf(plain, 'to send', () => 0))
  return queuesOf(
    kernel,
    found.filter(({ length, read }) => length > read),
  )
}

/** Buffers of TCP; one whose bytes are none of its connection's is of another moment. */
function connectionBuffers(kernel: Kernel, sockets: readonly bigint[]): Buffer[] {
  const owners = kernel.at(sockets, SOCK).select(CONNECTION, { ...QUEUES, ...UNACKNOWLEDGED })
  const value = (name: keyof typeof CONNECTION, owner: number) => owners.column(name).number(owner)
  let strays = 0
  const ofQueue = (queue: QueueName, readOf: ReadOf) => {
    const batch = owners.child(queue)
    return buffersOf(owners, queue, readOf).filter(({ length }, row) => {
      const owner = batch.parents[row] ?? 0
      const connection = {
        unacknowledged: value('unacknowledged', owner),
        next: value('next', owner),
        expected: value('expected', owner),
      }
      const [first, end] = [batch.column('sequence').number(row), batch.column('last').number(row)]
      const isOne = isOfConnection(connection, { first, end, length }, queue)
      if (!isOne) strays++
      return isOne
    })
  }
  const buffers = [
    ...ofQueue('received', (batch, row, owner) => {
      const [first, from] = [value('copied', owner), batch.column('sequence').number(row)]
      // Sequence numbers wrap.
      return first === null || from === null ? 0 : Math.max(0, (first - from) | 0)
    }),
    ...ofQueue('to send', () => 0),
    ...ofQueue('unacknowledged', () => 0),
  ]
  if (strays > 0) {
    const message = 'buffers hold bytes that are none of their connection: left out'
    kernel.warn({ code: 'torn', message, count: strays })
  }
  return buffers
}

type Buffers = Batch<typeof VALUES>
type ReadOf = (batch: Buffers, row: number, owner: number) => number
type Owners = { addresses: BigUint64Array; child(name: string): unknown }

function buffersOf(owners: Owners, queue: QueueName, readOf: ReadOf): Buffer[] {
  const batch = owners.child(queue) as Buffers
  return [...batch.parents].map((owner, row) => {
    const number = (name: keyof typeof VALUES) => batch.column(name).number(row) ?? 0
    const place = (name: 'data' | 'head') => batch.column(name).bigint(row) ?? 0n
    const length = number('length')
    return {
      socket: owners.addresses[owner] ?? 0n,
      queue,
      read: readOf(batch, row, owner),
      length,
      linear: { address: place('data'), length: Math.max(0, length - number('paged')) },
      shared: place('head') + BigInt(number('end')),
    }
  })
}

const FRAGMENTS = {
  walk: array('frags', { count: 'nr_frags', most: MOST_FRAGMENTS }),
  select: {
    page: ['bv_page', 'page.p', 'netmem'],
    offset: ['bv_offset', 'page_offset', 'offset'],
    length: ['bv_len', 'size', 'len'],
  },
} satisfies Nested

/** Buffers by their queues, with what is in them. */
function queuesOf(kernel: Kernel, found: readonly Buffer[]): Queue[] {
  const shared = kernel
    .at(
      found.map(({ shared }) => shared),
      'struct skb_shared_info',
    )
    .select({}, { fragments: FRAGMENTS })
  const fragments = shared.child('fragments')
  const addressOfPage = pageAddresses(kernel)
  const pieces = new Map<number, Piece[]>()
  for (const [row, buffer] of fragments.parents.entries()) {
    const page = addressOfPage(fragments.column('page').bigint(row) ?? 0n)
    const [offset, length] = [fragments.column('offset').number(row) ?? 0, fragments.column('length').number(row) ?? 0]
    append(pieces, buffer, { address: page === null ? 0n : page + BigInt(offset), length })
  }
  const queues = new Map<string, { socket: bigint; queue: QueueName; parts: Piece[]; packets: number; size: number }>()
  for (const [at, { socket, queue, read, length, linear }] of found.entries()) {
    const key = `${socket} ${queue}`
    const known = queues.get(key) ?? { socket, queue, parts: [], packets: 0, size: 0 }
    known.packets++
    known.size += length - read
    known.parts.push(...behind([linear, ...(pieces.get(at) ?? [])], read, length))
    queues.set(key, known)
  }
  return readContents(kernel, [...queues.values()])
}

/** The pieces of a buffer of so many bytes that lie behind those that were read. */
function behind(pieces: readonly Piece[], read: number, length: number): Piece[] {
  const rest: Piece[] = []
  let [skip, left] = [read, length - read]
  for (const piece of pieces) {
    const skipped = Math.min(skip, piece.length)
    const taken = Math.min(left, piece.length - skipped)
    skip -= skipped
    left -= taken
    if (taken > 0) rest.push({ address: piece.address + BigInt(skipped), length: taken })
  }
  // Buffers may hang below it, which are not followed: their bytes are lost.
  if (left > 0) rest.push({ address: 0n, length: left })
  return rest
}
