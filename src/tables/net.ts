/** What is beside each row that belongs to a network namespace. */

import { integer } from '../api/columns.js'
import type { Kernel } from '../kernel/kernel.js'
import { readInterfaces, readIpv6Interfaces } from '../kernel/networks.js'
import { netOwners, type Owner, ownerColumns } from './members.js'

/** Columns that say whose network it is. */
export const netColumns = {
  net_ns: integer('Inode number of the network namespace', { meaning: 'namespace' }),
  ...ownerColumns,
}

const HOST: Owner = { container: null, container_name: null, pod: null }

/** What these columns hold, for a namespace's inode. */
export function netPlaces(kernel: Kernel): (net_ns: number | null) => Owner & { net_ns: number | null } {
  const owners = netOwners(kernel)
  return (net_ns) => ({ net_ns, ...(owners.get(net_ns ?? 0) ?? HOST) })
}

/** Who has an IP address: the owner of the one namespace that has it on an interface. */
export function addressHolders(kernel: Kernel): (address: string | null) => Owner {
  const holders = kernel.once(readHolders)
  return (address) => holders.get(address ?? '') ?? HOST
}

/** Addresses that are on interfaces of one namespace alone; those of loopback interfaces are in all. */
function readHolders(kernel: Kernel): Map<string, Owner> {
  const spaces = new Map<string, Set<number | null>>()
  for (const { net_ns, addresses } of [...readInterfaces(kernel), ...readIpv6Interfaces(kernel)]) {
    for (const address of addresses) {
      const [ip = ''] = address.split('/')
      spaces.set(ip, (spaces.get(ip) ?? new Set()).add(net_ns))
    }
  }
  const owners = netOwners(kernel)
  const single = [...spaces].filter(([, nets]) => nets.size === 1)
  return new Map(single.map(([ip, [net]]) => [ip, owners.get(net ?? 0) ?? HOST]))
}
