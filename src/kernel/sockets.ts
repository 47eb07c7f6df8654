/** `struct sock`: sockets of every family, as /proc/net and ss show them. */

import { bytesText } from '../bytes-text.js'
import type { Batch, Column } from './batch.js'
import type { Kernel } from './kernel.js'
import { hostOrder, ipv4Text, ipv6Text } from './net-addresses.js'
import { SOCK, SOCK_COMMON, TASK_STRUCT } from './objects.js'
import { array, bytes, constantName, index, type Nested, object, optional } from './query.js'
import type { TableKind } from './socket-tables.js'

/** AF_* (include/linux/socket.h), as ss and the kernel's own messages call them. */
const FAMILIES: Readonly<Record<number, string>> = {
  1: 'unix',
  2: 'inet',
  3: 'ax25',
  4: 'ipx',
  5: 'appletalk',
  8: 'atmpvc',
  10: 'inet6',
  15: 'key',
  16: 'netlink',
  17: 'packet',
  20: 'atmsvc',
  21: 'rds',
  24: 'pppox',
  26: 'llc',
  27: 'ib',
  28: 'mpls',
  29: 'can',
  30: 'tipc',
  31: 'bluetooth',
  32: 'iucv',
  33: 'rxrpc',
  35: 'phonet',
  36: 'ieee802154',
  37: 'caif',
  38: 'alg',
  39: 'nfc',
  40: 'vsock',
  41: 'kcm',
  42: 'qipcrtr',
  43: 'smc',
  44: 'xdp',
  45: 'mctp',
}
/** SOCK_* (include/linux/net.h). */
const TYPES: Readonly<Record<number, string>> = {
  1: 'stream',
  2: 'dgram',
  3: 'raw',
  4: 'rdm',
  5: 'seqpacket',
  6: 'dccp',
  10: 'packet',
}
/** IPPROTO_* (include/uapi/linux/in.h, in6.h). */
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udplite',
  262: 'mptcp',
}
/** NETLINK_* (include/uapi/linux/netlink.h). */
const NETLINK_PROTOCOLS: Readonly<Record<number, string>> = {
  0: 'route',
  2: 'usersock',
  3: 'firewall',
  4: 'sock_diag',
  5: 'nflog',
  6: 'xfrm',
  7: 'selinux',
  8: 'iscsi',
  9: 'audit',
  10: 'fib_lookup',
  11: 'connector',
  12: 'netfilter',
  14: 'dnrtmsg',
  15: 'kobject_uevent',
  16: 'generic',
  18: 'scsitransport',
  19: 'ecryptfs',
  20: 'rdma',
  21: 'crypto',
  22: 'smc',
}
/** Families whose sockets have the states of TCP. */
const STATEFUL = new Set(['inet', 'inet6', 'unix', 'vsock'])
/** States of what is less than a whole socket (include/net/tcp_states.h). */
const [TCP_TIME_WAIT, TCP_NEW_SYN_RECV] = [6, 12]
/** Descriptors of a process that are looked at; the kernel's own limit is far lower (fs.nr_open). */
const MOST_DESCRIPTORS = 1 << 20
/** Bytes of a name in struct sockaddr_un (include/uapi/linux/un.h). */
const LONGEST_NAME = 108

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

/** A socket as that of its family, whose type may be a module's. */
const as = (type: string, module: string): string[] =>
  ['', `${module}:`].map((from) => `((${from}struct ${type} *)container_of(__sk_common, struct sock, __sk_common))`)

/** What only a family's sockets have. */
const OWN = {
  unix: {
    walk: object(as('unix_sock', 'unix')),
    optional: true,
    select: {
      peer: 'peer',
      named: 'addr',
      name: bytes('((char *)addr->name[0].sun_path)', { length: 'addr->len - 2', max: LONGEST_NAME }),
    },
  },
  packet: {
    walk: object(as('packet_sock', 'af_packet')),
    optional: true,
    select: { device: 'ifindex', protocol: 'num' },
  },
  netlink: { walk: object(as('netlink_sock', 'netlink')), select: { bound: 'bound', port: 'portid' } },
  vsock: {
    walk: object(as('vsock_sock', 'vsock')),
    optional: true,
    select: {
      local: 'local_addr.svm_cid',
      local_port: 'local_addr.svm_port',
      remote: 'remote_addr.svm_cid',
      remote_port: 'remote_addr.svm_port',
    },
  },
  xdp: { walk: object(as('xdp_sock', 'xdp')), optional: true, select: { device: 'dev->ifindex' } },
} satisfies Record<string, Nested>

type Family = keyof typeof OWN

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
  for (const family of Object.keys(OWN) as Family[]) {
    readOwn(
      kernel,
      family,
      whole.filter((socket) => socket.family === family),
    )
  }
  for (const socket of whole) socket.kept_in = keptIn(socket)
  return found
}

/** What every socket has, and what has less than a socket is: of TCP, without a process, as /proc/net/tcp shows it. */
function commonOf(common: Batch<typeof COMMON>, row: number): Socket {
  const number = (name: 'net_ns' | 'family' | 'local_port' | 'remote_port' | 'device') =>
    common.column(name).number(row)
  const family = number('family')
  const name = family === null ? null : (FAMILIES[family] ?? String(family))
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

const optionalText = <T>(value: T | null, text: (value: T) => string): string | null =>
  value === null ? null : text(value)

function readWhole(kernel: Kernel, sockets: readonly Socket[]): void {
  const batch = kernel
    .at(
      sockets.map(({ address }) => address),
      SOCK,
    )
    .select(WHOLE)
  for (const [row, socket] of sockets.entries()) {
    const [type, protocol] = [batch.column('type').number(row), batch.column('protocol').number(row)]
    socket.type = type === null ? null : (TYPES[type] ?? String(type))
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
  socket.protocol = raw ? 'raw' : protocol === null ? null : (PROTOCOLS[protocol] ?? String(protocol))
  if (!raw || protocol === null) return
  // What a raw socket has for a port is the protocol that it is for.
  socket.subject = PROTOCOLS[protocol] ?? String(protocol)
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

/** What sockets of a family have of their own. */
function readOwn(kernel: Kernel, family: Family, sockets: readonly Socket[]): void {
  const owners = kernel
    .at(
      sockets.map(({ address }) => address),
      SOCK,
    )
    .select({}, { own: OWN[family] as Nested })
  const own = owners.child('own')
  for (const [row, owner] of own.parents.entries()) {
    const socket = sockets[owner]
    if (socket !== undefined) FILL[family](socket, (name) => own.column(name), row)
  }
}

type ColumnOf = (name: string) => Column

const FILL: Readonly<Record<Family, (socket: Socket, column: ColumnOf, row: number) => void>> = {
  unix(socket, column, row) {
    socket.peer = column('peer').bigint(row)
    const name = column('named').bigint(row) === 0n ? null : column('name').bytes(row)
    socket.path = name === null || name.length === 0 ? null : unixName(name)
  },
  packet(socket, column, row) {
    socket.device = column('device').number(row)
    const protocol = column('protocol').number(row)
    if (protocol !== null) socket.subject = `0x${hostOrder(protocol).toString(16).padStart(4, '0')}`
  },
  netlink(socket, column, row) {
    socket.local_port = column('port').number(row)
    socket.kept_in = column('bound').number(row) === 1 ? 'netlink' : null
  },
  vsock(socket, column, row) {
    const cid = (name: string) => optionalText(column(name).number(row), String)
    socket.local_address = cid('local')
    socket.local_port = column('local_port').number(row)
    socket.remote_address = cid('remote')
    socket.remote_port = column('remote_port').number(row)
  },
  xdp(socket, column, row) {
    socket.device = column('device').number(row)
  },
}

/** As /proc/net/unix has it: a NUL, as an abstract name begins with, is shown as `@`. */
export function unixName(bytes: Uint8Array): string {
  const shown = bytes[0] !== 0 && bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes
  return bytesText(shown).replaceAll('\0', '@')
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
