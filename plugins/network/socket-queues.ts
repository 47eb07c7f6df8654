import { address, bytes, count, defineAnalyzer, integer, option, text } from 'salvor'
import { memberColumns, readMembers, type SocketRow, socketRows } from 'salvor/containers'
import { bytesText, hexText, readPipeQueues, readSocketQueues } from 'salvor/kernel'

/** What is read of one queue at most. */
const MOST = 1 << 24

export default defineAnalyzer({
  name: 'socket-queues',
  aliases: ['pkt-queues', 'pipe-queues', 'unread', 'sk-buff-cache'],
  summary: 'Bytes in sockets and pipes that nobody has read yet, and those not yet sent, with who is at both ends',
  description:
    'What was received and is still to be read, what waits to be sent, and what was sent and is not acknowledged: a last ' +
    'command or its answer. A pipe belongs to who reads it. What is not in the image is zeros.',
  torn: 'a queue that did not change while memory was taken is right; of others the bytes may be of two moments.',
  examples: [
    { command: 'salvor socket-queues memory.elf', what: 'all queues that hold something' },
    { command: 'salvor socket-queues memory.elf --bytes 65536 --format ndjson', what: 'with more of what is in them' },
  ],
  options: { bytes: option.count('Bytes to show of each queue', { default: 256, most: MOST }) },
  columns: {
    address: address('Address of the struct sock or pipe_inode_info', { detail: true }),
    ...memberColumns,
    fd: integer('Descriptor'),
    kind: text('Protocol of a socket, as in the table of sockets, or pipe'),
    queue: text('received, to send or unacknowledged'),
    packets: count('Buffers', { detail: true }),
    size: bytes('Bytes that are still to be read or sent'),
    text: text('The first of them as text'),
    hex: text('The same in hexadecimal', { detail: true }),
    lost: bytes('Bytes of them that are not in the image', { detail: true }),
    inode: integer('Inode', { meaning: 'inode', detail: true }),
    local_address: text('Address of this end', { detail: true }),
    local_port: integer('Port of this end', { detail: true }),
    remote_address: text('Address of the other end'),
    remote_port: integer('Port of the other end'),
    remote_pid: integer('Process at the other end: of a pipe, who writes', { meaning: 'process' }),
    remote_comm: text('Name of that process'),
    remote_container: text('Id of the container at the other end'),
  },
  async *run({ kernel, options }) {
    const shown = ({ contents, lost }: { contents: Uint8Array; lost: number }) => {
      const first = contents.subarray(0, options.bytes)
      return { text: bytesText(first), hex: hexText(first), lost }
    }
    const sockets = new Map<bigint, SocketRow>()
    for (const row of socketRows(kernel)) if (!sockets.has(row.address)) sockets.set(row.address, row)
    for (const { socket, queue, packets, size, ...rest } of readSocketQueues(kernel, ownersOf([...sockets.values()]))) {
      const row = sockets.get(socket)
      if (row === undefined) continue
      yield {
        address: socket,
        ...ownerOf(row),
        ...endsOf(row),
        kind: row.protocol,
        queue,
        packets,
        size,
        inode: row.inode,
        ...shown(rest),
      }
    }
    const members = readMembers(kernel)
    for (const { address: pipe, inode, packets, size, ends, ...rest } of readPipeQueues(kernel, [...members.keys()])) {
      const [reader, writer] = [ends.find(({ reads }) => reads), ends.find(({ writes }) => writes)]
      const [own, other] = [reader, writer].map((end) => members.get(end?.task ?? 0n))
      yield {
        address: pipe,
        pid: own?.pid ?? null,
        comm: own?.comm ?? null,
        container: own?.container ?? null,
        container_name: own?.container_name ?? null,
        pod: own?.pod ?? null,
        fd: reader?.fd ?? null,
        kind: 'pipe',
        queue: 'received',
        packets,
        size,
        inode,
        local_address: null,
        local_port: null,
        remote_address: null,
        remote_port: null,
        remote_pid: other?.pid ?? null,
        remote_comm: other?.comm ?? null,
        remote_container: other?.container ?? null,
        ...shown(rest),
      }
    }
  },
})

function ownersOf(sockets: readonly SocketRow[]) {
  // Of a connection that is only asked for, or over, there is no whole socket.
  const whole = sockets.filter(({ state }) => state !== 'NEW_SYN_RECV' && state !== 'TIME_WAIT')
  const groups = { tcp: [] as bigint[], udp: [] as bigint[], unix: [] as bigint[], others: [] as bigint[] }
  for (const { address: socket, protocol } of whole) {
    groups[protocol === 'tcp' || protocol === 'udp' || protocol === 'unix' ? protocol : 'others'].push(socket)
  }
  return groups
}

const ownerOf = ({ pid, comm, container, container_name, pod, fd }: SocketRow) => ({
  pid,
  comm,
  container,
  container_name,
  pod,
  fd,
})

const endsOf = (row: SocketRow) => ({
  local_address: row.local_address,
  local_port: row.local_port,
  remote_address: row.remote_address,
  remote_port: row.remote_port,
  remote_pid: row.remote_pid,
  remote_comm: row.remote_comm,
  remote_container: row.remote_container,
})
