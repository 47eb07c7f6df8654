/** Network interfaces and their addresses, by network namespace. */

import { append } from '../append.js'
import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { ipv4Text, ipv6Text } from './net-addresses.js'
import { NET, NET_DEVICE } from './objects.js'
import { bytes, type Children, chain, list, type Nested, type Selects, text } from './query.js'

/** Network namespaces and interfaces that are read. */
export const MOST_INTERFACES = 1 << 17

/** An interface of a network namespace. */
export interface Interface {
  /** Inode number of the namespace. */
  net_ns: number | null
  name: string | null
  /** With their prefix length, `10.0.2.15/24`. */
  addresses: string[]
}

/** A network namespace, whether or not a process is in it. */
export interface NetNamespace {
  address: bigint
  inode: number | null
}

/** Every network namespace the kernel knows; read once per image. */
export function readNetNamespaces(kernel: Kernel): readonly Readonly<NetNamespace>[] {
  return kernel.once(readEveryNetNamespace)
}

function readEveryNetNamespace(kernel: Kernel): NetNamespace[] {
  const batch = kernel.list('net_namespace_list', NET, 'list').select({ inode: 'ns.inum' })
  return Array.from({ length: kernel.capped('network namespaces', batch.length, MOST_INTERFACES) }, (_, row) => ({
    address: batch.address(row),
    inode: batch.column('inode').number(row),
  }))
}

/** The interfaces of every network namespace with their IPv4 addresses, in the kernel's order; read once per image. */
export function readInterfaces(kernel: Kernel): readonly Readonly<Interface>[] {
  return kernel.once(readIpv4)
}

/** The same with their IPv6 addresses, which lie in memory of their own. */
export function readIpv6Interfaces(kernel: Kernel): readonly Readonly<Interface>[] {
  return kernel.once(readIpv6)
}

const readIpv4 = (kernel: Kernel) => readOfFamily(kernel, { ipv4: ADDRESSES.ipv4 }, ipv4Addresses)
const readIpv6 = (kernel: Kernel) => readOfFamily(kernel, { ipv6: ADDRESSES.ipv6 }, ipv6Addresses)

function readOfFamily<const C extends Children>(
  kernel: Kernel,
  children: C,
  addressesOf: (devices: Batch<Selects, C>) => Map<number, string[]>,
): Interface[] {
  const devices = { walk: list('dev_base_head', NET_DEVICE, 'dev_list'), select: { name: text('name') }, children }
  const nets = kernel.list('net_namespace_list', NET, 'list').select({ inode: 'ns.inum' }, { devices })
  const found = nets.child('devices')
  const addresses = addressesOf(found as unknown as Batch<Selects, C>)
  return Array.from({ length: kernel.capped('interfaces', found.length, MOST_INTERFACES) }, (_, row) => ({
    net_ns: nets.column('inode').number(found.parents[row] ?? 0),
    name: found.column('name').text(row),
    addresses: addresses.get(row) ?? [],
  }))
}

/** Addresses of a `struct net_device`. */
export const ADDRESSES = {
  ipv4: {
    walk: chain('ip_ptr->ifa_list', 'struct in_ifaddr', 'ifa_next'),
    select: { local: 'ifa_local', prefix: 'ifa_prefixlen' },
  },
  ipv6: {
    walk: list('ip6_ptr->addr_list', 'struct inet6_ifaddr', 'if_list'),
    optional: true,
    select: { local: bytes('addr'), prefix: 'prefix_len' },
  },
} as const satisfies Record<string, Nested>

type Ipv4 = Batch<Selects, Pick<typeof ADDRESSES, 'ipv4'>>
type Ipv6 = Batch<Selects, Pick<typeof ADDRESSES, 'ipv6'>>

/** As `172.30.0.2/24`, by row of the device. */
export function ipv4Addresses(devices: Ipv4): Map<number, string[]> {
  const found = new Map<number, string[]>()
  const ipv4 = devices.child('ipv4')
  for (let row = 0; row < ipv4.length; row++) {
    const [local, prefix] = [ipv4.column('local').number(row), ipv4.column('prefix').number(row)]
    if (local !== null) append(found, ipv4.parents[row] ?? -1, `${ipv4Text(local)}/${prefix ?? '?'}`)
  }
  return found
}

/** As `fd00::2/64`. */
export function ipv6Addresses(devices: Ipv6): Map<number, string[]> {
  const found = new Map<number, string[]>()
  const ipv6 = devices.child('ipv6')
  for (let row = 0; row < ipv6.length; row++) {
    const [local, prefix] = [ipv6.column('local').bytes(row), ipv6.column('prefix').number(row)]
    if (local !== null) append(found, ipv6.parents[row] ?? -1, `${ipv6Text(local)}/${prefix ?? '?'}`)
  }
  return found
}
