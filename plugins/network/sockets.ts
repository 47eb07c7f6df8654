import { address, defineAnalyzer, flag, integer, list, text, time } from 'salvor'
import { memberColumns, socketRows } from 'salvor/containers'

export default defineAnalyzer({
  name: 'sockets',
  aliases: ['sockstat', 'netstat', 'ss', 'sockscan', 'netscan', 'list-raw'],
  summary: 'Sockets of every family, by descriptor and from the tables of each network namespace',
  description:
    'One row for each descriptor that holds a socket, and one for a socket that none holds: of a connection that is ending ' +
    'or not yet accepted, of the kernel itself, or in a message on its way. The other end of a connection is named where it ' +
    'is on this host. A socket that the table which has to know it does not know is unhashed: hidden from /proc/net and ss.',
  torn:
    'a socket that was open throughout is one row for each of its descriptors; where a table was torn, whether it is in ' +
    'it is null.',
  examples: [
    { command: 'salvor sockets memory.elf --container shop-web-1', what: 'what one container listens on and talks to' },
    { command: 'salvor sockets memory.elf --wide --format csv', what: 'all sockets, with all columns' },
  ],
  columns: {
    address: address('Address of the struct sock, as /proc/net shows it', { detail: true }),
    ...memberColumns,
    fd: integer('Descriptor'),
    net_ns: integer('Inode number of its network namespace', { meaning: 'namespace', detail: true }),
    family: text('inet, inet6, unix, netlink, packet, vsock, alg, xdp, bluetooth and so on'),
    type: text('stream, dgram, raw or seqpacket', { detail: true }),
    protocol: text('tcp, udp, icmp, raw, sctp and so on; of families without protocols, the family'),
    state: text('State of a connection, as the kernel names it; null for what has none'),
    local_address: text('Address of this end'),
    local_port: integer('Port of this end; of a netlink socket its number'),
    remote_address: text('Address of the other end'),
    remote_port: integer('Port of the other end'),
    path: text('Name of a Unix socket; that of an abstract one begins with @', { meaning: 'path' }),
    subject: text('Netlink protocol, EtherType of a packet socket, protocol of a raw one'),
    interface: text('Interface that it is bound to'),
    inode: integer('Inode, as in socket:[…]; 0 where no descriptor ever leads to it', {
      meaning: 'inode',
      detail: true,
    }),
    uid: integer('User who made it; 0 for what is left of a connection', { detail: true }),
    filter: text('Program that is attached to it and sees what it receives', { detail: true }),
    remote_pid: integer('Process at the other end, where that is on this host', { meaning: 'process' }),
    remote_comm: text('Name of that process'),
    remote_container: text('Id of the container that owns the network namespace at the other end', { detail: true }),
    remote_container_name: text('Name of that container'),
    found_by: list('descriptor, table: what leads to it', { detail: true }),
    unhashed: flag('Whether it is missing in a table that has to know it'),
    there_since: time(
      'Of one that is unhashed: a moment at which it was there already; what is younger may have come meanwhile',
      {
        detail: true,
      },
    ),
  },
  async *run({ kernel }) {
    yield [...socketRows(kernel)]
  },
})
