import { address, bytes, count, defineAnalyzer, flag, integer, list, text } from 'salvor'
import { netColumns, netPlaces, readMembers } from 'salvor/containers'
import { readNetDevices, readTunnelHolders, TUN } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'interfaces',
  aliases: ['ip-addr', 'ip-link', 'ifconfig'],
  summary: 'Interfaces of every network namespace, with their addresses and what they are joined to',
  description:
    "A veth's other end is named with its namespace and the container behind it, so that a bridge's ports lead to " +
    'containers. State, flags and bytes are what `ip -s link` shows.',
  torn: 'an interface that was there throughout is one row; its counters are those of the moment it was read.',
  examples: [
    { command: 'salvor interfaces memory.elf', what: 'all interfaces of the host and its containers' },
    { command: 'salvor interfaces memory.elf --wide', what: 'with bytes, queues and kernel addresses' },
  ],
  key: ['net_ns', 'index'],
  columns: {
    address: address('Address of the struct net_device', { detail: true }),
    ...netColumns,
    index: integer('Index within the namespace'),
    name: text('Name'),
    kind: text('veth, bridge, dummy and so on; null for what a driver made'),
    state: text('UP, DOWN, UNKNOWN, LOWERLAYERDOWN and so on'),
    addresses: list('IPv4 and IPv6 addresses with the length of their prefix'),
    master: text('The bridge or bond that it is a port of'),
    peer_name: text("Name of a veth's other end"),
    peer_index: integer("Index of a veth's other end", { detail: true }),
    peer_net_ns: integer("Inode number of the namespace of a veth's other end", { meaning: 'namespace' }),
    peer_container: text("Id of the container that owns that namespace; null for the host's"),
    attached: list('Ids of the processes that have a tunnel open and pass on its packets; null where it is none'),
    mac: text('Hardware address'),
    mtu: bytes('Largest packet', { detail: true }),
    flags: list('Flags, as ip names them', { detail: true }),
    promiscuous: flag('Whether it takes packets that are not for it'),
    qdisc: text('Queueing discipline', { detail: true }),
    queue_length: count('Packets that its queue holds', { detail: true }),
    rx_bytes: bytes('Received', { detail: true }),
    tx_bytes: bytes('Sent', { detail: true }),
  },
  async *run({ kernel }) {
    const placed = netPlaces(kernel)
    const [devices, members] = [readNetDevices(kernel), readMembers(kernel)]
    const holders = readTunnelHolders(kernel, devices, members.keys())
    const attached = (address: bigint) => holders?.get(address)?.flatMap(({ task }) => members.get(task)?.pid ?? [])
    yield devices.map((device) => ({
      ...device,
      ...placed(device.net_ns),
      attached: device.kind === TUN && holders !== null ? [...new Set(attached(device.address))].map(String) : null,
      peer_container: device.peer_net_ns === null ? null : placed(device.peer_net_ns).container,
    }))
  },
})
