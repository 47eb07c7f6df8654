/** How long a socket has been there at least: what TCP keeps of times, and the order in which inodes were numbered. */

import { append } from '../append.js'
import { readTicks, secondsTo } from './jiffies.js'
import type { Kernel } from './kernel.js'
import { optional } from './query.js'
import type { Socket } from './sockets.js'
import { clockStart, imageTime } from './time.js'

const SECOND = 1_000_000_000n
const MICROSECOND = 1_000n
/** LAST_INO_BATCH (fs/inode.c): a processor takes so many numbers at once, and gives them in order. */
const BATCH = 1024n

/** Each is set when the connection is made, or when something comes or goes on it (net/ipv4/tcp_input.c, tcp_output.c). */
const TIMES = {
  /** CLOCK_MONOTONIC, in microseconds. */
  last: optional('tcp_mstamp'),
  space: optional('rcvq_space.time'),
  /** The lower 32 bits of the count of ticks. */
  received: optional('inet_conn.icsk_ack.lrcvtime'),
  sent: optional('lsndtime'),
} as const

/** What of a socket tells how old it is. */
export type Aged = Pick<Socket, 'address' | 'protocol' | 'inode'>

/**
 * By address a moment at which each was there already, in nanoseconds since the epoch, as early as one is known; nothing of
 * those of which none is. The numbers of inodes bear witness beside the socket's own times, so that who sets those does not
 * make it young: of two that one processor gave out of one batch the lower one is of the older socket.
 */
export function thereSince(kernel: Kernel, sockets: readonly Aged[]): Map<bigint, bigint> {
  const own = ownTimes(
    kernel,
    sockets.filter(({ protocol }) => protocol === 'tcp').map(({ address }) => address),
  )
  const batches = new Map<bigint, Aged[]>()
  for (const socket of sockets) {
    if (socket.inode) append(batches, (BigInt(socket.inode) - 1n) / BATCH, socket)
  }
  const found = new Map(own)
  for (const batch of batches.values()) {
    let earliest: bigint | undefined
    for (const { address } of batch.sort((one, other) => Number(BigInt(other.inode ?? 0) - BigInt(one.inode ?? 0)))) {
      earliest = earlier(earliest, own.get(address))
      if (earliest !== undefined) found.set(address, earliest)
    }
  }
  return found
}

const earlier = (one: bigint | undefined, other: bigint | undefined): bigint | undefined =>
  one === undefined || (other !== undefined && other < one) ? other : one

/** The earliest time that each connection itself keeps. */
function ownTimes(kernel: Kernel, addresses: readonly bigint[]): Map<bigint, bigint> {
  const times = kernel.at(addresses, 'struct tcp_sock').select(TIMES)
  // The clocks are read where there is something to hold against them.
  if (addresses.length === 0) return new Map()
  const [zero, ticks, taken] = [clockStart(kernel, 'monotonic'), readTicks(kernel), imageTime(kernel)]
  const now = taken === null ? null : BigInt(Date.parse(taken)) * 1_000_000n
  const found = new Map<bigint, bigint>()
  for (const [row, address] of times.addresses.entries()) {
    const clock = (name: 'last' | 'space') => {
      const value = times.column(name).bigint(row)
      return zero === null || !value ? [] : [zero + value * MICROSECOND]
    }
    const tick = (name: 'received' | 'sent') => {
      const value = times.column(name).number(row)
      return ticks === null || now === null || !value
        ? []
        : [now + BigInt(Math.round(secondsTo(ticks, value))) * SECOND]
    }
    // Times later than the image's stay: then that page, or the clock's, is of another moment, and the socket no older.
    const known = [...clock('last'), ...clock('space'), ...tick('received'), ...tick('sent')]
    const earliest = known.reduce<bigint | undefined>(earlier, undefined)
    if (earliest !== undefined) found.set(address, earliest)
  }
  return found
}
