/** Mounts of a mount namespace. */

import type { Kernel } from './kernel.js'
import { addressOf, dentryPath, dPath, firstOf, list, type Nested, rbtree, text } from './query.js'

const MOUNT = 'struct mount'
/** Mounts that are read: the kernel's own limit is 100 000 in a namespace (fs.mount-max). */
const MOST_MOUNTS = 1 << 18

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
const MOUNTS = firstOf(rbtree('mounts', MOUNT, 'mnt_node'), list('list', MOUNT, 'mnt_list'))

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
  const mounts: Nested = { walk: MOUNTS, select: paths ? { ...MEMBERS, ...PATHS } : MEMBERS }
  const owners = kernel
    .at(tasks, 'struct task_struct')
    .walk({ kind: 'object', of: 'nsproxy->mnt_ns' })
    .select({}, { mounts })
  const batch = owners.child('mounts')
  const byTask = new Map<bigint, Mount[]>()
  const asked = [...tasks]
  const count = kernel.capped('mounts', batch.length, MOST_MOUNTS)
  for (let row = 0; row < count; row++) {
    const task = asked[owners.parents[batch.parents[row] ?? 0] ?? 0]
    if (task === undefined) continue
    const bigint = (name: keyof typeof MEMBERS) => batch.column(name).bigint(row) ?? 0n
    const mount: Mount = {
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
    const known = byTask.get(task)
    if (known) known.push(mount)
    else byTask.set(task, [mount])
  }
  return byTask
}
