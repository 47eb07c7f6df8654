/** Where routes send packets: `struct fib_nh_common`, in a route or in a nexthop object that it shares (net/nexthop.h). */

import { append } from '../append.js'
import type { Column } from './batch.js'
import type { Kernel } from './kernel.js'
import { ipv4Text, ipv6Text } from './net-addresses.js'
import { array, bytes, type Nested, object, optional, text } from './query.js'
import type { Hop } from './routes.js'

/** AF_INET and AF_INET6 (include/linux/socket.h). */
export const [AF_INET, AF_INET6] = [2, 10]
/** Hops of a route; more are damage. */
export const MOST_HOPS = 1 << 12

/** Columns of a hop: of a `struct fib_nh_common`, or of what had its members before 5.2. */
export const hopColumns = (at: string, before: readonly string[] = []) => {
  const paths = (member: string, old: string): string[] => [
    `${at}${member}`,
    ...before.map((place) => `${place}${old}`),
  ]
  return {
    device: text(paths('nhc_dev->name', 'nh_dev->name')),
    family: optional(`${at}nhc_gw_family`),
    // Before, a gateway was of the route's own family, and the other one is nowhere.
    ipv4: optional({ path: paths('nhc_gw.ipv4', 'nh_gw'), as: 'value' } as const),
    ipv6: optional(bytes(paths('nhc_gw.ipv6', 'nh_gw'))),
  }
}

type HopColumn = keyof ReturnType<typeof hopColumns>

const GROUPED = {
  walk: array('nh_grp->nh_entries', { count: 'nh_grp->num_nh', most: MOST_HOPS }),
  select: hopColumns('nh->nh_info->fib_nhc.'),
} satisfies Nested
const SINGLE = { walk: object('nh_info->fib_nhc'), select: hopColumns('') } satisfies Nested

/** The nexthop objects of routes, by the route; a kernel before 5.3 has none. `type` is the routes', all of which have one. */
export function readNexthops(kernel: Kernel, type: string, routes: readonly bigint[]): Map<bigint, Hop[]> {
  const which = kernel
    .at(routes, type)
    .select({}, { nexthop: { walk: object('nh'), optional: true, select: { group: 'is_group' } } })
  const kinds = which.child('nexthop')
  const groups = new Set(
    [...kinds.parents].filter((_, row) => kinds.column('group').number(row) === 1).map((owner) => which.address(owner)),
  )
  // What a nexthop has is a union: it is read as what it is.
  const found = new Map<bigint, Hop[]>()
  for (const [nested, own] of [
    [SINGLE, routes.filter((route) => !groups.has(route))],
    [GROUPED, [...groups]],
  ] as const) {
    const owners = kernel
      .at(own, type)
      .select({}, { nexthop: { walk: object('nh'), optional: true, select: {}, children: { hops: nested } } })
    const nexthops = owners.child('nexthop')
    const hops = nexthops.child('hops')
    for (const [row, nexthop] of hops.parents.entries()) {
      const route = owners.address(nexthops.parents[nexthop] ?? 0)
      append(
        found,
        route,
        hopOf((name) => hops.column(name), row),
      )
    }
  }
  return found
}

/** A row of such columns as a hop. `family` is that of the gateway where the kernel does not keep it. */
export function hopOf(column: (name: HopColumn) => Column, row: number, otherwise: number | null = null): Hop {
  const family = column('family').number(row) ?? otherwise
  const [ipv4, ipv6] = [column('ipv4').number(row), column('ipv6').bytes(row)]
  let gateway: string | null = null
  if (family === AF_INET && ipv4 !== null) gateway = ipv4Text(ipv4)
  if (family === AF_INET6 && ipv6 !== null) gateway = ipv6Text(ipv6)
  return { gateway, interface: column('device').text(row) }
}
