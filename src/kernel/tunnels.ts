/** Who has the interface of a tunnel open, as `ip tuntap` shows (drivers/net/tun.c). */

import { append } from '../append.js'
import { OPEN_FILES } from './descriptors.js'
import type { NetDevice } from './interfaces.js'
import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { index, optional } from './query.js'

/** `kind` of what is made by /dev/net/tun, tap or tun (DRV_NAME). */
export const TUN = 'tun'
/** Its number: MISC_MAJOR, and TUN_MINOR (include/uapi/linux/major.h, include/linux/miscdevice.h). */
const DEVICE_NUMBER = (10 << 20) | 200
const HELD = optional('((tun:struct tun_file *)private_data)->tun->dev')

/** A descriptor that packets of a tunnel go through. */
export interface TunnelHolder {
  task: bigint
  fd: number | null
}

/**
 * By the address of its device, whoever of some tasks has a tunnel open; null where that is not told, as by a kernel that has
 * no types of modules. Nobody may have: it can be kept without (persist). Descriptors are looked at where there is such a device.
 */
export function readTunnelHolders(
  kernel: Kernel,
  devices: readonly Readonly<NetDevice>[],
  tasks: Iterable<bigint>,
): ReadonlyMap<bigint, readonly TunnelHolder[]> | null {
  const tunnels = new Set(devices.flatMap(({ kind, address }) => (kind === TUN ? address : [])))
  const files = { walk: OPEN_FILES, select: { fd: index(), number: 'f_inode->i_rdev' } } as const
  const owners = kernel.at(tunnels.size === 0 ? [] : [...tasks], TASK_STRUCT).select({}, { files })
  const open = owners.child('files')
  const rows = [...open.addresses.keys()].filter((row) => open.column('number').number(row) === DEVICE_NUMBER)
  // Where there is no tunnel its module and its types need not be there.
  const opened = (tunnels.size === 0 ? kernel.unheard() : kernel).at(
    rows.map((row) => open.address(row)),
    'struct file',
  )
  const held = opened.select({ device: HELD }).column('device')
  if (rows.length > 0 && rows.every((_, at) => held.bigint(at) === null)) return null
  const found = new Map<bigint, TunnelHolder[]>()
  for (const [at, row] of rows.entries()) {
    const device = held.bigint(at)
    if (device === null || !tunnels.has(device)) continue
    append(found, device, { task: owners.address(open.parents[row] ?? 0), fd: open.column('fd').number(row) })
  }
  return found
}
