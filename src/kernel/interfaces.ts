/** `struct net_device`: interfaces of network namespaces, as `ip -d -s addr` shows them (net/core/rtnetlink.c). */

import type { Batch, BatchRow } from './batch.js'
import { type Counters, readCounters, VETH_PEER } from './interface-counters.js'
import type { Kernel } from './kernel.js'
import { macText } from './net-addresses.js'
import { ADDRESSES, ipv4Addresses, ipv6Addresses, MOST_INTERFACES } from './networks.js'
import { NET, NET_DEVICE } from './objects.js'
import { bytes, list, type Nested, object, text } from './query.js'

/** IFF_* with the names that ip has for them, in its order (include/uapi/linux/if.h; iproute2's ip/ipaddress.c). */
const FLAGS = [
  ['LOOPBACK', 0x8],
  ['BROADCAST', 0x2],
  ['POINTOPOINT', 0x10],
  ['MULTICAST', 0x1000],
  ['NOARP', 0x80],
  ['ALLMULTI', 0x200],
  ['PROMISC', 0x100],
  ['MASTER', 0x400],
  ['SLAVE', 0x800],
  ['DEBUG', 0x4],
  ['DYNAMIC', 0x8000],
  ['AUTOMEDIA', 0x4000],
  ['PORTSEL', 0x2000],
  ['NOTRAILERS', 0x20],
  ['UP', 0x1],
  ['LOWER_UP', 0x10000],
  ['DORMANT', 0x20000],
  ['ECHO', 0x40000],
] as const
const [IFF_UP, IFF_RUNNING, IFF_LOWER_UP, IFF_DORMANT] = [0x1, 0x40, 0x10000, 0x20000]
/** IFF_ALLMULTI and IFF_PROMISC: what was asked for, which is in `gflags`, not what is so. */
const ASKED = 0x300
/** Bits of `state` (enum netdev_state_t, include/linux/netdevice.h). */
const [STARTED, NO_CARRIER, IS_DORMANT] = [1n << 0n, 1n << 2n, 1n << 4n]
/** IF_OPER_* (include/uapi/linux/if.h). */
const STATES = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP']
const [OPER_UNKNOWN, OPER_DOWN, OPER_UP] = [0, 2, 6]
/** `kind` of either end of a pair (drivers/net/veth.c). */
const VETH = 'veth'
/** MAX_ADDR_LEN (include/linux/netdevice.h). */
const LONGEST_MAC = 32

/** An interface of a network namespace. */
export interface NetDevice extends Counters {
  /** Of its `struct net_device`. */
  address: bigint
  /** Inode number of the namespace. */
  net_ns: number | null
  index: number | null
  name: string | null
  /** As `veth`, `bridge`; null for what a driver made. */
  kind: string | null
  mac: string | null
  mtu: number | null
  /** As ip has them. */
  flags: string[] | null
  state: string | null
  /** As `172.30.0.2/24`, IPv4 first. */
  addresses: string[]
  /** Name of the bridge or bond that it is a port of. */
  master: string | null
  /** Of a veth's other end. */
  peer_index: number | null
  peer_net_ns: number | null
  peer_name: string | null
  qdisc: string | null
  queue_length: number | null
  promiscuous: boolean | null
}

/** Each net_device is on the list of the namespace that it says it is in. */
const OF_NAMESPACE = { path: 'nd_net.net', is: 'origin' } as const

const UPPER = {
  walk: list('adj_list.upper', 'struct netdev_adjacent', 'list'),
  select: { name: text('dev->name'), master: 'master' },
} satisfies Nested

const DEVICES = {
  walk: list('dev_base_head', NET_DEVICE, 'dev_list'),
  rules: [OF_NAMESPACE],
  select: {
    index: 'ifindex',
    name: text('name'),
    kind: text('rtnl_link_ops->kind', 32),
    mac: bytes('dev_addr', { length: 'addr_len', max: LONGEST_MAC }),
    mtu: 'mtu',
    flags: 'flags',
    asked: 'gflags',
    state: 'state',
    operates: 'operstate',
    promiscuity: 'promiscuity',
    qdisc: text('qdisc->ops->id'),
    queue_length: 'tx_queue_len',
  },
  children: { ...ADDRESSES, upper: UPPER },
} satisfies Nested

type Devices = Batch<(typeof DEVICES)['select'], (typeof DEVICES)['children']>

/** Every interface of every network namespace, in the kernel's order; read once per image. */
export function readNetDevices(kernel: Kernel): readonly Readonly<NetDevice>[] {
  return kernel.once(readEveryNetDevice)
}

function readEveryNetDevice(kernel: Kernel): NetDevice[] {
  const nets = kernel.list('net_namespace_list', NET, 'list').select({ inode: 'ns.inum' }, { devices: DEVICES })
  const devices = nets.child('devices')
  const [ipv4, ipv6] = [ipv4Addresses(devices), ipv6Addresses(devices)]
  const masters = mastersOf(devices)
  const peers = readPeers(kernel, devices)
  const ends = new Map([...peers].map(([device, { address }]) => [device, address]))
  const counters = readCounters(kernel, devices.addresses, ends)
  return Array.from({ length: kernel.capped('interfaces', devices.length, MOST_INTERFACES) }, (_, row) => {
    const address = devices.address(row)
    const mac = devices.column('mac').bytes(row)
    const promiscuity = devices.column('promiscuity').number(row)
    return {
      address,
      net_ns: nets.column('inode').number(devices.parents[row] ?? 0),
      index: devices.column('index').number(row),
      name: devices.column('name').text(row),
      kind: devices.column('kind').text(row),
      mac: mac === null || mac.length === 0 ? null : macText(mac),
      mtu: devices.column('mtu').number(row),
      flags: flagsOf(devices, row),
      state: stateOf(devices, row),
      addresses: [...(ipv4.get(row) ?? []), ...(ipv6.get(row) ?? [])],
      master: masters.get(row) ?? null,
      ...peerOf(peers.get(address)),
      qdisc: devices.column('qdisc').text(row),
      queue_length: devices.column('queue_length').number(row),
      ...(counters.get(address) ?? { rx_bytes: null, tx_bytes: null }),
      promiscuous: promiscuity === null ? null : promiscuity > 0,
    }
  })
}

/** Of the interfaces above one, only a bridge, bond or the like is its master. */
function mastersOf(devices: Devices): Map<number, string | null> {
  const upper = devices.child('upper')
  const masters = new Map<number, string | null>()
  for (let row = 0; row < upper.length; row++) {
    if (upper.column('master').number(row) === 1) masters.set(upper.parents[row] ?? 0, upper.column('name').text(row))
  }
  return masters
}

/** As dev_get_flags has them (net/core/dev.c), and ip prints them: NO-CARRIER stands for the absence of IFF_RUNNING. */
function flagsOf(devices: Devices, row: number): string[] | null {
  const [own, asked] = [devices.column('flags').number(row), devices.column('asked').number(row)]
  const [state, operates] = [devices.column('state').bigint(row), devices.column('operates').number(row)]
  if (own === null || asked === null || state === null) return null
  let flags = (own & ~(ASKED | IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT)) | (asked & ASKED)
  if ((state & STARTED) !== 0n) {
    if (operates === OPER_UP || operates === OPER_UNKNOWN) flags |= IFF_RUNNING
    if ((state & NO_CARRIER) === 0n) flags |= IFF_LOWER_UP
    if ((state & IS_DORMANT) !== 0n) flags |= IFF_DORMANT
  }
  const carried = (flags & IFF_UP) === 0 || (flags & IFF_RUNNING) !== 0
  return [...(carried ? [] : ['NO-CARRIER']), ...FLAGS.flatMap(([name, bit]) => ((flags & bit) !== 0 ? [name] : []))]
}

function stateOf(devices: Devices, row: number): string | null {
  const [state, operates] = [devices.column('state').bigint(row), devices.column('operates').number(row)]
  if (state === null || operates === null) return null
  const shown = (state & STARTED) === 0n ? OPER_DOWN : operates
  return STATES[shown] ?? String(shown)
}

const PEER = {
  walk: object(VETH_PEER),
  // A peer's peer is the device itself.
  rules: [{ path: VETH_PEER, is: 'origin' }],
  select: { index: 'ifindex', net_ns: 'nd_net.net->ns.inum', name: text('name') },
} as const satisfies Nested

type Peer = BatchRow<(typeof PEER)['select']>

/** The other ends of veths, by the device. */
function readPeers(kernel: Kernel, devices: Devices): Map<bigint, Peer> {
  const veths = devices.addresses.filter((_, row) => devices.column('kind').text(row) === VETH)
  const ends = kernel.at(veths, NET_DEVICE).select({}, { peer: PEER })
  const peers = ends.child('peer')
  return new Map([...peers].map((peer, row) => [ends.address(peers.parents[row] ?? 0), peer]))
}

function peerOf(peer: Peer | undefined): Pick<NetDevice, 'peer_index' | 'peer_net_ns' | 'peer_name'> {
  const { index = null, net_ns = null, name = null } = peer ?? {}
  return { peer_index: numberOf(index), peer_net_ns: numberOf(net_ns), peer_name: name }
}

/** Of 32 bits, so that no number is too large. */
const numberOf = (value: number | bigint | null): number | null => (value === null ? null : Number(value))
