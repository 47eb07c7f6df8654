/** `struct sock`: sockets of every family, as /proc/net and ss show them. */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { hostOrder, ipv4Text, ipv6Text } from './net-addresses.js'
import { SOCK, SOCK_COMMON, TASK_STRUCT } from './objects.js'
import { array, bytes, constantName, index, type Nested, object, optional } from './query.js'
import { optionalText, readOwn } from './socket-families.js'
import { NETLINK_PROTOCOLS, SOCKET_FAMILIES, SOCKET_PROTOCOLS, SOCKET_TYPES } from './socket-names.js'
import type { TableKind } from './socket-tables.js'

/** Families whose sockets have the states of TCP. */
const STATEFUL = new Set(['inet', 'inet6', 'unix', 'vsock'])
/** States of what is less than a whole socket (include/net/tcp_states.h). */
const [TCP_TIME_WAIT, TCP_NEW_SYN_RECV] = [6, 12]
/** Descriptors of a process that are looked at; the kernel's own limit is far lower (fs.nr_open). */
const MOST_DESCRIPTORS = 1 << 20

/** A socket. */
export interface Socket {
  /** Of its `struct sock`. */
  address: bigint
  /** Inode number of its network namespace. */
  net_ns: number | null
  /** `inet`, `unix`, `netlink` and so on. */
  family: string | null
  /** `stream`, `dgram`, `raw`, `seqpacket`. */
  type: string | null
  /** `tcp`, `udp`, `raw`; of families without protocols, the family. */
  protocol: string | null
  /** Of families that have the states of TCP. */
  state: string | null
  local_address: string | null
  local_port: number | null
  remote_address: string | null
  remote_port: number | null
  /** Name of a Unix socket; that of an abstract one begins with `@`. */
  path: string | null
  /** What netlink protocol or which packets of a link it is for. */
  subject: string | null
  inode: number | bigint | null
  uid: number | null
  /** Index of the interface that it is bound to; 0 for none. */
  device: number | null
  /** Of the `struct sock` at the other end of a Unix socket. */
  peer: bigint | null
  /** Of its `struct bpf_prog`, which sees what it receives. */
  filter: bigint | null
  /** The table that has to know it, where one has to. */
  kept_in: TableKind | null
}

/** A descriptor of a socket. */
export interface SocketHolder {
  /** Of the task that has it. */
  task: bigint
  fd: number | null
  /** Of the `struct sock`. */
  socket: bigint
}

const FILES = {
  walk: array('files->fdt->fd', {
    count: 'files->fdt->max_fds',
    pointers: true,
    type: 'struct file',
    most: MOST_DESCRIPTORS,
  }),
  select: { fd: index(), operations: 'f_op', socket: 'private_data' },
} satisfies Nested

/** Who holds sockets, by task and descriptor. */
export function readSocketHolders(kernel: Kernel, tasks: readonly bigint[]): SocketHolder[] {
  const owners = kernel.at(tasks, TASK_STRUCT).select({}, { files: FILES })
  const files = owners.child('files')
  const operations = kernel.address('socket_file_ops')
  const rows = Array.from({ length: files.length }, (_, row) => row).filter(
    (row) => files.column('operations').bigint(row) === operations,
  )
  const opened = kernel
    .at(
      rows.map((row) => files.column('socket').bigint(row) ?? 0n),
      'struct socket',
    )
    .select({ file: 'file', sock: 'sk' })
  return rows.flatMap((row, at) => {
    const sock = opened.column('sock').bigint(at)
    // Each leads to the other, but for what a closed socket leaves behind.
    if (sock === null || sock === 0n || opened.column('file').bigint(at) !== files.address(row)) return []
    const task = owners.address(files.parents[row] ?? 0)
    return [{ task, fd: files.column('fd').number(row), socket: sock }]
  })
}

const COMMON = {
  net_ns: 'skc_net.net->ns.inum',
  family: 'skc_family',
  state: 'skc_state',
  state_name: constantName('skc_state', 'TCP_ESTABLISHED'),
  local: 'skc_rcv_saddr',
  remote: 'skc_daddr',
  local6: optional(bytes('skc_v6_rcv_saddr')),
  remote6: optional(bytes('skc_v6_daddr')),
  local_port: 'skc_num',
  // As it is in a packet.
  remote_port: 'skc_dport',
  device: 'skc_bound_dev_if',
} as const

const WHOLE = {
  type: 'sk_type',
  protocol: 'sk_protocol',
  uid: 'sk_uid.val',
  inode: 'container_of(sk_socket, struct socket_alloc, socket)->vfs_inode.i_ino',
  socket: 'sk_socket',
  filter: 'sk_filter->prog',
} as const

/** Sockets by address; what stands for one in the table of connections has less to tell. */
export function readSockets(kernel: Kernel, addresses: Iterable<bigint>): Map<bigint, Socket> {
  const common = kernel.at(addresses, SOCK_COMMON).walk(object('')).select(COMMON)
  const found = new Map<bigint, Socket>()
  const [whole, requests]: [Socket[], bigint[]] = [[], []]
  for (let row = 0; row < common.length; row++) {
    const socket = commonOf(common, row)
    const state = common.column('state').number(row) ?? 0
    found.set(socket.address, socket)
    if (state === TCP_NEW_SYN_RECV) requests.push(socket.address)
    else if (state !== TCP_TIME_WAIT) whole.push(socket)
  }
  readWhole(kernel, whole)
  readRequests(kernel, found, requests)
  readOwn(kernel, whole)
  for (const socket of whole) socket.kept_in = keptIn(socket)
  return found
}

/** What every socket has, and what has less than a socket is: of TCP, without a process, as /proc/net/tcp shows it. */
function commonOf(common: Batch<typeof COMMON>, row: number): Socket {
  const number = (name: 'net_ns' | 'family' | 'local_port' | 'remote_port' | 'device') =>
    common.column(name).number(row)
  const family = number('family')
  const name = family === null ? null : (SOCKET_FAMILIES[family] ?? String(family))
  const state = common.column('state_name').text(row)
  const internet = name === 'inet' || name === 'inet6'
  const end = (way: 'local' | 'remote'): string | null => {
    if (name === 'inet') return optionalText(common.column(way).number(row), ipv4Text)
    return name === 'inet6' ? optionalText(common.column(`${way}6`).bytes(row), ipv6Text) : null
  }
  const port = number('remote_port')
  return {
    address: common.address(row),
    net_ns: number('net_ns'),
    family: name,
    type: 'stream',
    protocol: internet ? 'tcp' : name,
    state: STATEFUL.has(name ?? '') ? (state?.replace(/^TCP_/, '') ?? null) : null,
    local_address: end('local'),
    local_port: internet ? number('local_port') : null,
    remote_address: end('remote'),
    remote_port: internet && port !== null ? hostOrder(port) : null,
    path: null,
    subject: null,
    inode: 0,
    uid: 0,
    device: number('device'),
    peer: null,
    filter: null,
    // One that only waits leaves this table before the other (net/ipv4/inet_timewait_sock.c, inet_twsk_kill()).
    kept_in: internet && state !== 'TIME_WAIT' ? 'established' : null,
  }
}

function readWhole(kernel: Kernel, sockets: readonly Socket[]): void {
  const batch = kernel
    .at(
      sockets.map(({ address }) => address),
      SOCK,
    )
    .select(WHOLE)
  for (const [row, socket] of sockets.entries()) {
    const [type, protocol] = [batch.column('type').number(row), batch.column('protocol').number(row)]
    socket.type = type === null ? null : (SOCKET_TYPES[type] ?? String(type))
    socket.uid = batch.column('uid').number(row)
    // What no descriptor leads to any more has no inode: /proc shows 0.
    if (batch.column('socket').bigint(row) !== 0n) socket.inode = batch.column('inode').exact(row)
    socket.filter = batch.column('filter').bigint(row)
    if (socket.local_port !== null) internetOf(socket, protocol)
    if (socket.family === 'netlink' && protocol !== null) {
      socket.subject = NETLINK_PROTOCOLS[protocol] ?? String(protocol)
    }
  }
}

function internetOf(socket: Socket, protocol: number | null): void {
  const raw = socket.type === 'raw'
  socket.protocol = raw ? 'raw' : protocol === null ? null : (SOCKET_PROTOCOLS[protocol] ?? String(protocol))
  if (!raw || protocol === null) return
  // What a raw socket has for a port is the protocol that it is for.
  socket.subject = SOCKET_PROTOCOLS[protocol] ?? String(protocol)
  socket.local_port = 0
  socket.remote_port = 0
}

/** A request for a connection belongs to whom its listener does. */
function readRequests(kernel: Kernel, sockets: ReadonlyMap<bigint, Socket>, requests: readonly bigint[]): void {
  const batch = kernel.at(requests, SOCK_COMMON).select({ uid: 'skc_listener->sk_uid.val' })
  for (const [row, address] of requests.entries()) {
    const socket = sockets.get(address)
    if (socket !== undefined) socket.uid = batch.column('uid').number(row)
  }
}

/** The kind of table that has to know a socket as it is. */
function keptIn({ family, type, protocol, state, local_port, kept_in }: Socket): TableKind | null {
  if (family === 'unix' || family === 'packet') return family
  if (family !== 'inet' && family !== 'inet6') return kept_in
  if (type === 'raw') return 'raw'
  const bound = local_port !== null && local_port !== 0
  if (protocol === 'tcp' && state === 'LISTEN') return 'listening'
  if (protocol === 'tcp' && state !== 'CLOSE') return 'established'
  if (protocol === 'tcp') return bound ? 'bound' : null
  return (protocol === 'udp' || protocol === 'udplite') && bound ? 'udp' : null
}
