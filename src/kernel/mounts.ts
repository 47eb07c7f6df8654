/** Mounts of a mount namespace. */

import type { Batch } from './batch.js'
import { hashedMounts } from './hash-tables.js'
import type { Kernel } from './kernel.js'
import { addressOf, dentryPath, dPath, firstOf, list, type Nested, object, rbtree, text } from './query.js'
import type { Rule } from './rule.js'

export const MOUNT = 'struct mount'
/** Mounts that are read: the kernel's own limit is 100 000 in a namespace (fs.mount-max). */
export const MOST_MOUNTS = 1 << 18

/** A mount, as a line of /proc/PID/mountinfo shows it. */
export interface Mount {
  address: bigint
  /** Address of the `vfsmount` within, which a `struct path` holds. */
  vfsmount: bigint
  /** The mount it is mounted on; itself for the top of the tree. */
  parent: bigint
  /** The dentry it covers, in the parent. */
  mountpoint: bigint
  /** Its root dentry. */
  root_dentry: bigint
  /** Its root within its file system. */
  root: string | null
  /** Where it is mounted, from the top of its tree. */
  target: string | null
  type: string | null
  source: string | null
}

/** Mounts of a namespace: a tree from 6.8 on, a list before. */
export const MOUNTS = firstOf(rbtree('mounts', MOUNT, 'mnt_node'), list('list', MOUNT, 'mnt_list'))

/** Each mount of a namespace names it. */
export const OF_NAMESPACE: Rule = { path: 'mnt_ns', is: 'origin_or_null' }

const MEMBERS = {
  vfsmount: addressOf('mnt'),
  parent: 'mnt_parent',
  mountpoint: 'mnt_mountpoint',
  root_dentry: 'mnt.mnt_root',
  type: text('mnt.mnt_sb->s_type->name'),
  source: text('mnt_devname'),
}

/** The paths cost a walk up two trees each, and are read only where they are shown. */
const PATHS = { root: dentryPath('mnt.mnt_root'), target: dPath('mnt') }

/** Mounts of the namespaces of some tasks, by task; `paths` false leaves `root` and `target` null. */
export function readMounts(kernel: Kernel, tasks: Iterable<bigint>, paths: boolean): Map<bigint, Mount[]> {
  const select = paths ? { ...MEMBERS, ...PATHS } : MEMBERS
  const mounts = { walk: MOUNTS, rules: [OF_NAMESPACE], select } satisfies Nested
  const asked = [...tasks]
  const owners = kernel.at(asked, 'struct task_struct').walk(object('nsproxy->mnt_ns')).select({}, { mounts })
  const batch = owners.child('mounts')
  const byTask = new Map<bigint, Mount[]>(asked.map((task) => [task, []]))
  const taskOf = (owner: number) => byTask.get(asked[owners.parents[owner] ?? 0] ?? 0n)
  const count = kernel.capped('mounts', batch.length, MOST_MOUNTS)
  for (let row = 0; row < count; row++) {
    const mount = mountOf(batch, row, paths)
    // What has no root is the cursor of somebody who reads the list.
    if (mount.root_dentry !== 0n) taskOf(batch.parents[row] ?? 0)?.push(mount)
  }
  if (batch.torn) {
    const hashed = hashedMounts(kernel)
    for (let owner = 0; owner < owners.length; owner++) {
      addMissing(kernel, hashed.get(owners.address(owner)) ?? [], taskOf(owner) ?? [], paths)
    }
  }
  return byTask
}

/** Adds the mounts of a namespace that its own list has lost. */
function addMissing(kernel: Kernel, hashed: readonly bigint[], mounts: Mount[], paths: boolean): void {
  const known = new Set(mounts.map(({ address }) => address))
  const lost = hashed.filter((address) => !known.has(address))
  const batch = kernel.at(lost, MOUNT).select(paths ? { ...MEMBERS, ...PATHS } : MEMBERS)
  for (let row = 0; row < batch.length; row++) mounts.push(mountOf(batch, row, paths))
}

function mountOf(batch: Batch, row: number, paths: boolean): Mount {
  const bigint = (name: keyof typeof MEMBERS) => batch.column(name).bigint(row) ?? 0n
  return {
    address: batch.address(row),
    vfsmount: bigint('vfsmount'),
    parent: bigint('parent'),
    mountpoint: bigint('mountpoint'),
    root_dentry: bigint('root_dentry'),
    root: paths ? batch.column('root').text(row) : null,
    target: paths ? batch.column('target').text(row) : null,
    type: batch.column('type').text(row),
    source: batch.column('source').text(row),
  }
}
