/** What only sockets of one family have: Unix, packet, netlink, vsock and XDP sockets. */

import { bytesText } from '../bytes-text.js'
import type { Column } from './batch.js'
import type { Kernel } from './kernel.js'
import { hostOrder } from './net-addresses.js'
import { SOCK } from './objects.js'
import { bytes, type Nested, object } from './query.js'
import type { Socket } from './sockets.js'

/** Bytes of a name in struct sockaddr_un (include/uapi/linux/un.h). */
const LONGEST_NAME = 108

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

/** A value's text; null where there is none. */
export const optionalText = <T>(value: T | null, text: (value: T) => string): string | null =>
  value === null ? null : text(value)

/** What sockets of a family have of their own. */
export function readOwn(kernel: Kernel, sockets: readonly Socket[]): void {
  for (const family of Object.keys(OWN) as Family[]) {
    readFamily(
      kernel,
      family,
      sockets.filter((socket) => socket.family === family),
    )
  }
}

function readFamily(kernel: Kernel, family: Family, sockets: readonly Socket[]): void {
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
