/** Sockets with who holds them and who is at the other end. */

import { append } from '../append.js'
import { isoTime } from '../iso-time.js'
import { readNetDevices } from '../kernel/interfaces.js'
import type { Kernel } from '../kernel/kernel.js'
import { thereSince } from '../kernel/socket-ages.js'
import { readSocketFilters } from '../kernel/socket-filters.js'
import { readSocketTables } from '../kernel/socket-tables.js'
import { readSocketHolders, readSockets, type Socket } from '../kernel/sockets.js'
import { type Member, type Owner, readMembers } from './members.js'
import { addressHolders, netPlaces } from './net.js'

/** A process by a descriptor. */
interface Holder extends Member {
  fd: number | null
}

/** A socket, for one of the descriptors that hold it, or for none. */
export interface SocketRow extends Omit<Socket, 'peer' | 'kept_in' | 'filter' | 'device'>, Owner {
  /** Name of the interface that it is bound to. */
  interface: string | null
  /** The program that is attached to it. */
  filter: string | null
  pid: number | null
  comm: string | null
  fd: number | null
  found_by: string[]
  /** Whether a table that has to know it does not; null where a table was torn. */
  unhashed: boolean | null
  /** Of one that is unhashed: a moment at which it was there already, ISO 8601. */
  there_since: string | null
  remote_pid: number | null
  remote_comm: string | null
  remote_container: string | null
  remote_container_name: string | null
}

/** Every socket that a descriptor or a table leads to: held ones by process and descriptor, then the others. */
export function socketRows(kernel: Kernel): readonly Readonly<SocketRow>[] {
  return kernel.once(everySocketRow)
}

function everySocketRow(kernel: Kernel): SocketRow[] {
  const members = readMembers(kernel)
  const holders = new Map<bigint, Holder[]>()
  for (const { task, fd, socket } of readSocketHolders(kernel, [...members.keys()])) {
    const member = members.get(task)
    if (member !== undefined) append(holders, socket, Object.assign({ fd }, member))
  }
  const tables = readSocketTables(kernel)
  const sockets = readSockets(kernel, new Set([...holders.keys(), ...tables.sockets.keys()]))
  const placed = netPlaces(kernel)
  const beyond = otherEnds(kernel, sockets, holders)
  const filters = readSocketFilters(kernel, new Set([...sockets.values()].flatMap(({ filter }) => filter || [])))
  const names = new Map(readNetDevices(kernel).map(({ net_ns, index, name }) => [`${net_ns} ${index}`, name]))
  const isUnhashed = ({ address, kept_in }: Socket): boolean | null => {
    if (kept_in === null || tables.sockets.get(address)?.has(kept_in)) return false
    return tables.torn.has(kept_in) ? null : true
  }
  const ages = unhashedSince(kernel, [...sockets.values()], isUnhashed)
  const rows: SocketRow[] = []
  const unheld: SocketRow[] = []
  for (const all of sockets.values()) {
    const { peer: _, kept_in: __, device, filter, ...socket } = all
    const [held, hashed] = [holders.get(socket.address) ?? [], tables.sockets.get(socket.address)]
    const common = Object.assign(
      socket,
      {
        found_by: [...(held.length > 0 ? ['descriptor'] : []), ...(hashed === undefined ? [] : ['table'])],
        unhashed: isUnhashed(all),
        there_since: ages.get(socket.address) ?? null,
        interface: names.get(`${socket.net_ns} ${device}`) ?? null,
        filter: filters.get(filter ?? 0n) ?? null,
      },
      beyond(all),
    )
    for (const holder of held) rows.push(Object.assign({}, common, holder))
    if (held.length === 0)
      unheld.push(Object.assign(common, placed(socket.net_ns), { pid: null, comm: null, fd: null }))
  }
  const byHolder = (one: SocketRow, other: SocketRow) =>
    (one.pid ?? 0) - (other.pid ?? 0) || (one.fd ?? 0) - (other.fd ?? 0)
  return [...rows.sort(byHolder), ...unheld]
}

/** Since when each unhashed socket has been there at least. Where none is, none is looked at. */
function unhashedSince(
  kernel: Kernel,
  sockets: readonly Socket[],
  isUnhashed: (socket: Socket) => boolean | null,
): Map<bigint, string | null> {
  const wanted = sockets.filter((socket) => isUnhashed(socket) === true)
  const since = thereSince(kernel, wanted.length === 0 ? [] : sockets)
  return new Map(
    wanted.flatMap(({ address }) => {
      const time = since.get(address)
      return time === undefined ? [] : [[address, isoTime(time)]]
    }),
  )
}

type OtherEnd = Pick<SocketRow, 'remote_pid' | 'remote_comm' | 'remote_container' | 'remote_container_name'>

/**
 * Who is at the other end: the holder of the socket there, where that is on this host, else the owner of the address. A
 * loopback address means an end in the same namespace.
 */
function otherEnds(
  kernel: Kernel,
  sockets: ReadonlyMap<bigint, Socket>,
  holders: ReadonlyMap<bigint, readonly Holder[]>,
): (socket: Socket) => OtherEnd {
  const ends = new Map<string, Socket[]>()
  for (const socket of sockets.values()) {
    if (isConnected(socket)) append(ends, endKey(socket, 'local', 'remote'), socket)
  }
  const [placed, ownerOf] = [netPlaces(kernel), addressHolders(kernel)]
  return (socket) => {
    const other = socket.peer === null ? internetPeer(socket, ends) : sockets.get(socket.peer)
    const [holder] = other === undefined ? [] : (holders.get(other.address) ?? [])
    const owner = other === undefined ? ownerOf(plain(socket.remote_address)) : placed(other.net_ns)
    const known = other !== undefined || isConnected(socket)
    return {
      remote_pid: holder?.pid ?? null,
      remote_comm: holder?.comm ?? null,
      remote_container: known ? (owner.container ?? null) : null,
      remote_container_name: known ? (owner.container_name ?? null) : null,
    }
  }
}

function internetPeer(socket: Socket, ends: ReadonlyMap<string, readonly Socket[]>): Socket | undefined {
  if (!isConnected(socket)) return undefined
  const found = (ends.get(endKey(socket, 'remote', 'local')) ?? []).filter((other) => other !== socket)
  const near = found.filter((other) => other.net_ns === socket.net_ns)
  if (near.length > 0) return near[0]
  return isLoopback(plain(socket.remote_address) ?? '') ? undefined : found[0]
}

function isConnected({ family, remote_port }: Socket): boolean {
  return (family === 'inet' || family === 'inet6') && remote_port !== null && remote_port !== 0
}

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1'

/** An end of a connection may be IPv6 where the other is IPv4. */
const plain = (address: string | null): string | null => address?.replace(/^::ffff:(?=\d+\.)/, '') ?? null

function endKey(socket: Socket, first: 'local' | 'remote', second: 'local' | 'remote'): string {
  const end = (way: 'local' | 'remote') => `${plain(socket[`${way}_address`])} ${socket[`${way}_port`]}`
  return `${socket.protocol} ${end(first)} ${end(second)}`
}
