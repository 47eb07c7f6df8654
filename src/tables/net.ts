/** What is beside each row that belongs to a network namespace. */

import { integer } from '../api/columns.js'
import type { Kernel } from '../kernel/kernel.js'
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
