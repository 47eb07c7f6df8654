/** Sockets of processes as an archive of a checkpoint has them. */

import { append } from '../append.js'
import type { CheckpointSocket } from '../containers/checkpoint/criu-sockets.js'
import type { Kernel } from '../kernel/kernel.js'
import { addressBytes } from '../kernel/net-addresses.js'
import { SOCKET_FAMILIES, SOCKET_PROTOCOLS, SOCKET_TYPES } from '../kernel/socket-names.js'
import { type SocketRow, socketRows } from './sockets.js'

/** Families that archives have sockets of. */
const FAMILIES = new Set(['inet', 'inet6', 'unix'])
/** By their numbers from 1 on (include/net/tcp_states.h). */
const STATES =
  'ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING NEW_SYN_RECV'.split(
    ' ',
  )

/** Sockets of TCP/IP and Unix by the process that has them open. */
export function checkpointSockets(kernel: Kernel): ReadonlyMap<number, CheckpointSocket[]> {
  const sockets = new Map<number, CheckpointSocket[]>()
  for (const row of socketRows(kernel)) {
    if (row.pid !== null && row.fd !== null && FAMILIES.has(row.family ?? ''))
      append(sockets, row.pid, socketOf(row, row.fd))
  }
  return sockets
}

function socketOf(row: SocketRow, fd: number): CheckpointSocket {
  const end = (way: 'local' | 'remote') => ({
    address: addressBytes(row[`${way}_address`] ?? '') ?? new Uint8Array(),
    port: row[`${way}_port`] ?? 0,
  })
  return {
    fd,
    inode: Number(BigInt.asUintN(32, BigInt(row.inode ?? 0))),
    family: numberOf(SOCKET_FAMILIES, row.family),
    type: numberOf(SOCKET_TYPES, row.type),
    protocol: numberOf(SOCKET_PROTOCOLS, row.protocol),
    state: STATES.indexOf(row.state ?? '') + 1,
    local: end('local'),
    remote: end('remote'),
    name: Buffer.from((row.path ?? '').replace(/^@/, '\0')),
  }
}

/** The number of a name; 0 where it has none. */
function numberOf(names: Readonly<Record<number, string>>, name: string | null): number {
  return Number(Object.entries(names).find((entry) => entry[1] === name)?.[0] ?? 0)
}
