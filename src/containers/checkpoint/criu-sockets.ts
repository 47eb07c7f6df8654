/** Sockets as CRIU writes them: `inet_sk_entry` and `unix_sk_entry` (images/sk-inet.proto, images/sk-unix.proto). */

import type { BinaryWriter } from '@bufbuild/protobuf/wire'

/** What an archive has of a socket; what is not known is zero. */
export interface CheckpointSocket {
  fd: number
  inode: number
  /** AF_*, SOCK_* and IPPROTO_*, and the state by its number in include/net/tcp_states.h. */
  family: number
  type: number
  protocol: number
  state: number
  /** Addresses as a packet has them: four bytes, sixteen, or none. */
  local: { address: Uint8Array; port: number }
  remote: { address: Uint8Array; port: number }
  /** Of a Unix socket; that of an abstract one begins with a NUL. */
  name: Uint8Array
}

const AF_UNIX = 1
/** INETSK and UNIXSK of `fd_types`, and the members of `file_entry` that hold them (images/fdinfo.proto). */
const KINDS = { internet: { type: 4, member: 4 }, unix: { type: 5, member: 16 } } as const
/** WIRETYPE_VARINT and WIRETYPE_LEN of protobuf's encoding. */
const [VARINT, LENGTH] = [0, 2]

/** Whether it is of TCP/IP or of Unix: the type of its descriptor, and its member of `file_entry`. */
export function socketKind({ family }: CheckpointSocket): { type: number; member: number } {
  return family === AF_UNIX ? KINDS.unix : KINDS.internet
}

/** Fills the entry of a socket by its number among files. */
export function socketEntry(entry: BinaryWriter, id: number, socket: CheckpointSocket): BinaryWriter {
  return socketKind(socket) === KINDS.unix ? unix(entry, id, socket) : internet(entry, id, socket)
}

function internet(entry: BinaryWriter, id: number, { local, remote, ...socket }: CheckpointSocket): BinaryWriter {
  const { inode, family, type, protocol, state } = socket
  members(entry, [id, inode, family, type, protocol, state, local.port, remote.port, 0, 0])
  for (const part of words(local.address)) entry.tag(11, VARINT).uint32(part)
  for (const part of words(remote.address)) entry.tag(12, VARINT).uint32(part)
  owner(entry.tag(13, LENGTH).fork()).join()
  return options(entry.tag(14, LENGTH).fork()).join()
}

function unix(entry: BinaryWriter, id: number, { inode, type, state, name }: CheckpointSocket): BinaryWriter {
  members(entry, [id, inode, type, state, 0, 0, 0, 0])
  owner(entry.tag(9, LENGTH).fork()).join()
  options(entry.tag(10, LENGTH).fork()).join()
  return entry.tag(11, LENGTH).bytes(name)
}

/** `fown_entry`: nobody has it. */
const owner = (entry: BinaryWriter) => members(entry, [0, 0, 0, 0, 0])
/** `sk_opts_entry`: buffers and times that nobody set. */
const options = (entry: BinaryWriter) => members(entry, [0, 0, 0, 0, 0, 0])

/** Numbers as the members 1, 2, 3 and so on. */
function members(entry: BinaryWriter, values: readonly number[]): BinaryWriter {
  for (const [place, value] of values.entries()) entry.tag(place + 1, VARINT).uint32(value >>> 0)
  return entry
}

/** The words of an address, as a little-endian machine reads them. */
function words(address: Uint8Array): number[] {
  const bytes = Buffer.from(address)
  return Array.from({ length: bytes.length / 4 }, (_, place) => bytes.readUInt32LE(place * 4))
}
