/** Network interfaces and their addresses, by network namespace. */

import type { Kernel } from './kernel.js'
import { ipv4Text } from './net-addresses.js'
import { NET, NET_DEVICE } from './objects.js'
import { chain, list, type Nested, text } from './query.js'

/** Network namespaces and interfaces that are read. */
export const MOST_INTERFACES = 1 << 17

/** An interface of a network namespace. */
export interface Interface {
  /** Inode number of the namespace. */
  net_ns: number | null
  name: string | null
  /** IPv4 addresses with their prefix length, `10.0.2.15/24`. */
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

/** The interfaces of every network namespace, in the kernel's order; read once per image. */
export function readInterfaces(kernel: Kernel): readonly Readonly<Interface>[] {
  return kernel.once(readEveryInterface)
}

function readEveryInterface(kernel: Kernel): Interface[] {
  const ipv4 = {
    walk: chain('ip_ptr->ifa_list', 'struct in_ifaddr', 'ifa_next'),
    select: { local: 'ifa_local', prefix: 'ifa_prefixlen' },
  } satisfies Nested
  const devices = {
    walk: list('dev_base_head', NET_DEVICE, 'dev_list'),
    select: { name: text('name') },
    children: { ipv4 },
  } satisfies Nested
  const nets = kernel.list('net_namespace_list', NET, 'list').select({ inode: 'ns.inum' }, { devices })
  const found = nets.child('devices')
  const addresses = found.child('ipv4')
  const byDevice = addresses.byParent()
  return Array.from({ length: kernel.capped('interfaces', found.length, MOST_INTERFACES) }, (_, row) => ({
    net_ns: nets.column('inode').number(found.parents[row] ?? 0),
    name: found.column('name').text(row),
    addresses: (byDevice.get(row) ?? []).flatMap((index) => {
      const local = addresses.column('local').number(index)
      return local === null ? [] : [`${ipv4Text(local)}/${addresses.column('prefix').number(index) ?? '?'}`]
    }),
  }))
}
