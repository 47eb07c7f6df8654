/** Every mount of every mount namespace, as a line of /proc/PID/mountinfo shows it (fs/proc_namespace.c, fs/pnode.c). */

import { append } from '../append.js'
import type { Batch } from './batch.js'
import { hashedMounts } from './hash-tables.js'
import type { Kernel } from './kernel.js'
import { MOST_MOUNTS, MOUNT, MOUNTS, OF_NAMESPACE } from './mounts.js'
import { TASK_STRUCT } from './objects.js'
import { chain, dentryPath, dPath, type Nested, obeys, object, text } from './query.js'
import { type Layer, readSuperblocks, type Superblock } from './superblocks.js'

const NAMESPACE = 'struct mnt_namespace'
/** Bits of `mnt_flags` (include/linux/mount.h) with their words, in the order of show_mnt_opts(). */
const FLAGS = [
  [0x01, 'nosuid'],
  [0x02, 'nodev'],
  [0x04, 'noexec'],
  [0x08, 'noatime'],
  [0x10, 'nodiratime'],
  [0x20, 'relatime'],
  [0x80, 'nosymfollow'],
] as const
const READ_ONLY = 0x40
const [SHARED, UNBINDABLE] = [1, 2]

/** A line of mountinfo. */
export interface MountRow {
  /** Of the `struct mount`. */
  address: bigint
  /** Of its `struct super_block`. */
  superblock: bigint
  /** Inode of its namespace. */
  mnt_ns: number | null
  id: number | null
  parent_id: number | null
  /** `major:minor`. */
  device: string | null
  /** What of its file system it shows. */
  root: string | null
  /** Where it is, from the root of its namespace. */
  target: string | null
  options: string | null
  /** `shared:1 master:2`; null where it is private. */
  propagation: string | null
  type: string | null
  source: string | null
  super_options: string | null
  /** Of an overlay, the upper one first. */
  layers: Layer[] | null
}

const MASTERS = {
  walk: chain('mnt_master', MOUNT, 'mnt_master'),
  select: { group: 'mnt_group_id' },
} satisfies Nested

const VALUES = {
  id: 'mnt_id',
  parent: 'mnt_parent',
  parent_id: 'mnt_parent->mnt_id',
  root_dentry: 'mnt.mnt_root',
  root: dentryPath('mnt.mnt_root'),
  root_hashed: 'mnt.mnt_root->d_hash.pprev',
  root_parent: 'mnt.mnt_root->d_parent',
  root_inode: 'mnt.mnt_root->d_inode->i_ino',
  target: dPath('mnt'),
  superblock: 'mnt.mnt_sb',
  flags: 'mnt.mnt_flags',
  // The bits that MNT_SHARED and MNT_UNBINDABLE were are T_SHARED and T_UNBINDABLE from 6.17 on (fs/mount.h).
  tree_flags: ['mnt_t_flags & 3', 'mnt.mnt_flags >> 12 & 3'],
  group: 'mnt_group_id',
  master: 'mnt_master',
  source: text('mnt_devname'),
  // Before 5.12 ids were those of the file system.
  mapped: ['mnt.mnt_idmap', 'mnt.mnt_userns', 'mnt.mnt_flags & 0'],
  // From 5.17 to 6.1 a mount that maps no ids has the namespace of its file system (vfs_create_mount()).
  unmapped: ['mnt.mnt_idmap & 0', 'mnt.mnt_sb->s_user_ns'],
  // nop_mnt_idmap, or init_user_ns: what maps ids is made for a mount.
  built_in: obeys([{ path: ['mnt.mnt_idmap', 'mnt.mnt_userns'], is: 'image' }]),
} as const
const CHILDREN = { masters: MASTERS } as const

/** Of a mounted namespace: its kind. From 6.9 on its inode leads to it, before, the dentry led to its operations. */
const NAMESPACE_KIND = text(
  [
    '((struct ns_common *)((struct ns_common *)mnt.mnt_root->d_inode->i_private)->stashed->d_inode->i_private)->ops->name',
    '((struct proc_ns_operations *)mnt.mnt_root->d_fsdata)->name',
  ],
  16,
)

/** The mounts of one namespace, as they were read. */
interface Found {
  batch: Batch<typeof VALUES, typeof CHILDREN>
  row: number
  namespace: Namespace
  /** Groups of the mounts that it stands in line behind, the nearest first. */
  masters: readonly number[]
  superblock: Superblock | undefined
}

interface Namespace {
  inode: number | null
  /** The top of its tree. */
  root: bigint
  /** Groups of peers that have a mount in it. */
  groups: Set<number>
}

/** Every mount of the namespaces of some tasks, and of those that only mounts are in, ordered by namespace and id. */
export function readMountTable(kernel: Kernel, tasks: Iterable<bigint>): MountRow[] {
  const all = findMounts(kernel, tasks)
  const rooted = rootedMounts(all)
  const lost = all.length - rooted.size
  if (lost > 0) kernel.warn({ code: 'torn', message: 'mounts of which no way leads up to the root', count: lost })
  const found = all.filter((each) => rooted.has(each) || !isTaken(each))
  const superblocks = readSuperblocks(kernel, new Set(found.map(({ batch, row }) => superblockOf(batch, row))))
  for (const each of found) each.superblock = superblocks.get(superblockOf(each.batch, each.row))
  const kinds = namespaceKinds(kernel, found)
  const rows = found.map((each) => mountRow(each, kinds, rooted.has(each)))
  return rows.sort(
    (left, right) => (left.mnt_ns ?? -1) - (right.mnt_ns ?? -1) || (left.id ?? -1) - (right.id ?? -1) || 0,
  )
}

function superblockOf(batch: Batch<typeof VALUES, typeof CHILDREN>, row: number): bigint {
  return batch.column('superblock').bigint(row) ?? 0n
}

/** What the namespaces' own lists have, and what only the table of all mounts has of them. */
function findMounts(kernel: Kernel, tasks: Iterable<bigint>): Found[] {
  const hashed = hashedMounts(kernel)
  const proxies = kernel.at(tasks, TASK_STRUCT).select({ mounts: 'nsproxy->mnt_ns' })
  const held = Array.from({ length: proxies.length }, (_, row) => proxies.column('mounts').bigint(row) ?? 0n)
  const addresses = new Set([...held, ...hashed.keys()].filter(isPointer))
  const mounts = { walk: MOUNTS, rules: [OF_NAMESPACE], select: VALUES, children: CHILDREN } satisfies Nested
  const owners = kernel.at(addresses, NAMESPACE).walk(object('')).select({ inode: 'ns.inum', root: 'root' }, { mounts })
  const batch = owners.child('mounts')
  const namespaces = new Map<bigint, Namespace>()
  for (let row = 0; row < owners.length; row++) {
    const [inode, root] = [owners.column('inode').number(row), owners.column('root').bigint(row) ?? 0n]
    namespaces.set(owners.address(row), { inode, root, groups: new Set() })
  }
  const count = kernel.capped('mounts', batch.length, MOST_MOUNTS)
  const listed = rowsOf(batch, count, (row) => namespaces.get(owners.address(batch.parents[row] ?? 0)))
  const known = new Set(listed.map(({ row }) => batch.address(row)))
  const others = [...namespaces.keys()].flatMap((address) => hashed.get(address) ?? [])
  const lost = others.filter((address) => !known.has(address))
  const rest = kernel.at(lost, MOUNT).select({ ...VALUES, namespace: 'mnt_ns' }, CHILDREN)
  if (lost.length > 0) {
    const message = 'mounts that the table of all mounts has, and the list of their namespace has not'
    kernel.warn({ code: batch.torn ? 'torn' : 'disagree', message, count: lost.length })
  }
  return [...listed, ...rowsOf(rest, rest.length, (row) => namespaces.get(rest.column('namespace').bigint(row) ?? 0n))]
}

/** ERR_PTR() marks mounts that are the kernel's own, in no namespace (include/linux/err.h). */
function isPointer(address: bigint): boolean {
  return address !== 0n && address < 2n ** 64n - 4096n
}

function rowsOf(
  batch: Batch<typeof VALUES, typeof CHILDREN>,
  count: number,
  namespaceOf: (row: number) => Namespace | undefined,
): Found[] {
  const found: Found[] = []
  const masters = mastersOf(batch)
  for (let row = 0; row < count; row++) {
    const namespace = namespaceOf(row)
    // What has no root is the cursor of somebody who reads the list.
    if (namespace === undefined || batch.column('root_dentry').bigint(row) === 0n) continue
    const group = batch.column('group').number(row)
    if (group && batch.column('parent').bigint(row) !== batch.address(row)) namespace.groups.add(group)
    found.push({ batch, row, namespace, masters: masters.get(row) ?? [], superblock: undefined })
  }
  return found
}

/** Whether a mount stands alone, as one does that was taken out of its namespace. */
function isTaken({ batch, row }: Found): boolean {
  return batch.column('parent').bigint(row) === batch.address(row)
}

/**
 * Mounts from which the way up ends at the root of their namespace, as that of each does: umount_tree() takes a mount out of
 * the namespace and off its parent at once.
 */
function rootedMounts(found: readonly Found[]): Set<Found> {
  const byAddress = new Map(found.map((each) => [each.batch.address(each.row), each]))
  const rooted = new Set<Found>()
  for (const each of found) {
    const way = new Set<Found>()
    let at: Found | undefined = each
    while (at !== undefined && !way.has(at) && !rooted.has(at)) {
      way.add(at)
      at = byAddress.get(at.batch.column('parent').bigint(at.row) ?? 0n)
    }
    const isRoot = at !== undefined && at.batch.address(at.row) === at.namespace.root
    if (at !== undefined && (isRoot || rooted.has(at))) for (const mount of way) rooted.add(mount)
  }
  return rooted
}

/** `net:[4026532243]`, as the root of a mounted namespace is shown. */
function namespaceKinds(kernel: Kernel, found: readonly Found[]): Map<bigint, string | null> {
  const mounts = found.filter(({ superblock }) => superblock?.type === 'nsfs')
  const addresses = mounts.map(({ batch, row }) => batch.address(row))
  const kinds = kernel.at(addresses, MOUNT).select({ kind: NAMESPACE_KIND })
  return new Map(
    mounts.map(({ batch, row }, index) => {
      const [kind, inode] = [kinds.column('kind').text(index), batch.column('root_inode').number(row)]
      return [batch.address(row), kind === null || inode === null ? null : `${kind}:[${inode}]`]
    }),
  )
}

function mountRow(found: Found, kinds: ReadonlyMap<bigint, string | null>, isRooted: boolean): MountRow {
  const { batch, row, namespace, superblock } = found
  const source = batch.column('source').text(row)
  return {
    address: batch.address(row),
    superblock: superblockOf(batch, row),
    mnt_ns: namespace.inode,
    id: batch.column('id').number(row),
    parent_id: batch.column('parent_id').number(row),
    device: superblock?.device ?? null,
    root: rootOf(found, kinds),
    target: isRooted ? batch.column('target').text(row) : null,
    options: optionsOf(batch, row),
    propagation: propagationOf(found),
    type: superblock?.type ?? null,
    source: source === null && !batch.lost('source') ? 'none' : source,
    super_options: superblock?.options ?? null,
    layers: superblock?.layers ?? null,
  }
}

function rootOf({ batch, row, superblock }: Found, kinds: ReadonlyMap<bigint, string | null>): string | null {
  const type = superblock?.type ?? ''
  const kind = kinds.get(batch.address(row))
  if (kind !== undefined) return kind
  if (type === 'nfs' || type === 'nfs4') return '/'
  const root = batch.column('root').text(row)
  const [dentry, parent] = [batch.column('root_dentry').bigint(row), batch.column('root_parent').bigint(row)]
  const isUnlinked = batch.column('root_hashed').bigint(row) === 0n && parent !== null && parent !== dentry
  return isUnlinked && root !== null && !type.startsWith('cgroup') ? `${root}//deleted` : root
}

function optionsOf(batch: Found['batch'], row: number): string | null {
  const [flags, mapped] = [batch.column('flags').number(row), batch.column('mapped').bigint(row)]
  if (flags === null) return null
  const words = FLAGS.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word)
  const own = batch.column('unmapped').bigint(row)
  const isPlain = mapped === null || own === null || [0n, own].includes(mapped)
  const idmapped = isPlain || batch.column('built_in').number(row) === 1 ? [] : ['idmapped']
  return [(flags & READ_ONLY) === 0 ? 'rw' : 'ro', ...words, ...idmapped].join(',')
}

function propagationOf({ batch, row, namespace, masters }: Found): string | null {
  const flags = batch.column('tree_flags').number(row)
  if (flags === null) return null
  const [master] = masters
  const dominating = masters.find((group) => namespace.groups.has(group))
  const words = [
    ...((flags & SHARED) !== 0 ? [`shared:${batch.column('group').number(row)}`] : []),
    ...(master === undefined ? [] : [`master:${master}`]),
    ...(dominating === undefined || dominating === master ? [] : [`propagate_from:${dominating}`]),
    ...((flags & UNBINDABLE) !== 0 ? ['unbindable'] : []),
  ]
  return words.length === 0 ? null : words.join(' ')
}

/** Groups of the mounts that each row stands in line behind, the nearest first. */
function mastersOf(batch: Found['batch']): Map<number, number[]> {
  const groups = new Map<number, number[]>()
  const child = batch.child('masters')
  for (let row = 0; row < child.length; row++)
    append(groups, child.parents[row] ?? 0, child.column('group').number(row) ?? 0)
  return groups
}
