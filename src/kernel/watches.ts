/** `struct fsnotify_mark`: who is told of what happens to which file (fs/notify/). */

import { append } from '../append.js'
import type { Batch } from './batch.js'
import type { OpenFile } from './descriptors.js'
import { deviceName } from './device-names.js'
import type { Kernel } from './kernel.js'
import { addressOf, chain, constantName, dentryPath, dPath, list, type Nested } from './query.js'

const GROUP = 'struct fsnotify_group'
const MARK = 'struct fsnotify_mark'
/** Operations of the files that stand for a group, and groups of the kernel's own. */
const FILES = { inotify: 'inotify_fops', fanotify: 'fanotify_fops' } as const
const OWN_GROUPS = {
  dnotify: ['dnotify_group'],
  audit: ['audit_watch_group', 'audit_fsnotify_group', 'audit_tree_group'],
} as const
/** FS_… (include/linux/fsnotify_backend.h), which are IN_… and FAN_… as well. */
const EVENTS = [
  [0x1, 'access'],
  [0x2, 'modify'],
  [0x4, 'attributes'],
  [0x8, 'close_write'],
  [0x10, 'close_nowrite'],
  [0x20, 'open'],
  [0x40, 'moved_from'],
  [0x80, 'moved_to'],
  [0x100, 'create'],
  [0x200, 'delete'],
  [0x400, 'delete_self'],
  [0x800, 'move_self'],
  [0x1000, 'open_exec'],
  [0x8000, 'error'],
  [0x10000, 'open_permission'],
  [0x20000, 'access_permission'],
  [0x40000, 'open_exec_permission'],
  [0x100000, 'pre_access'],
  [0x10000000, 'rename'],
] as const

export type WatchKind = keyof typeof FILES | keyof typeof OWN_GROUPS

/** A file, a mount or a file system that somebody watches. */
export interface Watch {
  /** Of the `struct fsnotify_mark`. */
  address: bigint
  /** Of whoever watches; null where that is the kernel itself. */
  task: bigint | null
  fd: number | null
  kind: WatchKind
  /** inotify's number of it. */
  wd: number | null
  /** `inode`, `mount`, `file system`; null where it is none of them, or gone. */
  of: string | null
  /** Of the `struct super_block`. */
  superblock: bigint | null
  /** Within its file system; of a mount, where it is. */
  path: string | null
  inode: number | bigint | null
  /** `major:minor`. */
  device: string | null
  events: string[] | null
  /** What of that is not told. */
  ignored: string[] | null
}

/** Who holds a group of marks. */
interface Holder {
  kind: WatchKind
  task: bigint | null
  fd: number | null
}

const holding = (type: string, member: string) => `container_of(connector->obj, ${type}, ${member})`

/** Who asked for signals about a directory. */
const ASKED = chain('container_of(, struct dnotify_mark, fsn_mark)->dn', 'struct dnotify_struct', 'dn_next')

const MARKS = {
  walk: list('marks_list', MARK, 'g_list'),
  rules: [{ path: 'group', is: 'origin' }],
  select: {
    mask: 'mask',
    ignored: ['ignore_mask', 'ignored_mask', 'ignored_mask.mask'],
    of: constantName('connector->type', 'FSNOTIFY_OBJ_TYPE_INODE'),
    object: 'connector->obj',
    // Before 6.10 it was not the object itself, but the place in it that leads to its marks.
    is_place: ['(connector->obj[0] & 0) + 1', 'mask & 0'],
    inode: addressOf(holding('struct inode', 'i_fsnotify_marks')),
    mount: addressOf(holding('struct mount', 'mnt_fsnotify_marks')),
    // Newer kernels have no such place, and do not need one.
    superblock: addressOf([holding('struct super_block', 's_fsnotify_marks'), holding('struct super_block', 's_list')]),
    wd: 'container_of(, struct inotify_inode_mark, fsn_mark)->wd',
  },
} satisfies Nested

/** Every watch of who has one open, and those of the kernel itself. */
export function readWatches(kernel: Kernel, open: readonly OpenFile[]): Watch[] {
  const holders = new Map<bigint, Holder[]>()
  const hold = (group: bigint | null, holder: Holder) => {
    if (group) append(holders, group, holder)
  }
  for (const [kind, symbol] of Object.entries(FILES) as [WatchKind, string][]) {
    const operations = kernel.address(symbol)
    const files = open.filter((file) => operations !== null && file.operations === operations)
    for (const { private: group, task, fd } of files) hold(group, { kind, task, fd })
  }
  for (const [kind, symbols] of Object.entries(OWN_GROUPS) as [WatchKind, readonly string[]][]) {
    for (const group of ownGroups(kernel, symbols)) hold(group, { kind, task: null, fd: null })
  }
  return watches(kernel, holders, open)
}

function ownGroups(kernel: Kernel, symbols: readonly string[]): bigint[] {
  const places = symbols.flatMap((symbol) => kernel.address(symbol) ?? [])
  const batch = kernel.at(places, 'unsigned long').select({ group: '' })
  return places.map((_, row) => batch.column('group').bigint(row) ?? 0n)
}

function watches(kernel: Kernel, holders: ReadonlyMap<bigint, readonly Holder[]>, open: readonly OpenFile[]): Watch[] {
  const groups = kernel.at(holders.keys(), GROUP).select({}, { marks: MARKS })
  const marks = groups.child('marks')
  const targets = readTargets(kernel, marks)
  const holdersOf = (row: number) => holders.get(groups.address(marks.parents[row] ?? 0)) ?? []
  const rows = Array.from({ length: marks.length }, (_, row) => row)
  const signals = rows.filter((row) => holdersOf(row).some(({ kind }) => kind === 'dnotify'))
  const asked = directoryHolders(
    kernel,
    signals.map((row) => marks.address(row)),
    open,
  )
  return rows.flatMap((row) => {
    const held = asked.get(marks.address(row)) ?? holdersOf(row)
    return held.map((holder) => watch(marks, row, holder, targets[row] ?? GONE))
  })
}

/** Who asked for a directory's signals, by the mark (dnotify): the descriptor of the directory itself. */
function directoryHolders(kernel: Kernel, marks: readonly bigint[], open: readonly OpenFile[]): Map<bigint, Holder[]> {
  const tasks = new Map(open.map(({ file, task }) => [file, task]))
  const holders = new Map<bigint, Holder[]>()
  const batch = kernel.at(marks, MARK).walk(ASKED).select({ fd: 'dn_fd', file: 'dn_filp' })
  for (let row = 0; row < batch.length; row++) {
    const task = tasks.get(batch.column('file').bigint(row) ?? 0n) ?? null
    append(holders, marks[batch.parents[row] ?? 0] ?? 0n, { kind: 'dnotify', task, fd: batch.column('fd').number(row) })
  }
  return holders
}

type Marks = Batch<(typeof MARKS)['select']>
type Target = Pick<Watch, 'of' | 'superblock' | 'path' | 'inode' | 'device'>
const GONE: Target = { of: null, superblock: null, path: null, inode: null, device: null }

function watch(marks: Marks, row: number, { kind, task, fd }: Holder, target: Target): Watch {
  return {
    address: marks.address(row),
    task,
    fd,
    kind,
    wd: kind === 'inotify' ? marks.column('wd').number(row) : null,
    ...target,
    events: eventsOf(marks.column('mask').number(row)),
    ignored: eventsOf(marks.column('ignored').number(row)),
  }
}

function eventsOf(mask: number | null): string[] | null {
  return mask === null ? null : EVENTS.filter(([bit]) => (mask & bit) !== 0).map(([, event]) => event)
}

const INODE = {
  inode: 'i_ino',
  superblock: 'i_sb',
  device: 'i_sb->s_dev',
  path: dentryPath([
    'container_of(i_dentry.first, struct dentry, d_u.d_alias)',
    'container_of(i_dentry.first, struct dentry, d_alias)',
  ]),
  // Where nothing names it there is no dentry.
  name: 'i_dentry.first',
} as const
const MOUNT = { device: 'mnt.mnt_sb->s_dev', path: dPath('mnt') } as const
const SUPER_BLOCK = { device: 's_dev' } as const

/** What each mark is on. */
function readTargets(kernel: Kernel, marks: Marks): Target[] {
  const kinds = Array.from(
    { length: marks.length },
    (_, row) => marks.column('of').text(row)?.split('_').at(-1) ?? null,
  )
  const targets = kinds.map((): Target => GONE)
  const rowsOf = (kind: string) => [...kinds.keys()].filter((row) => kinds[row] === kind)
  const at = (row: number, place: 'inode' | 'mount' | 'superblock') =>
    marks.column(marks.column('is_place').number(row) === 1 ? place : 'object').bigint(row) ?? 0n
  const inodeRows = rowsOf('INODE')
  const inodes = kernel
    .at(
      inodeRows.map((row) => at(row, 'inode')),
      'struct inode',
    )
    .select(INODE)
  for (const [index, row] of inodeRows.entries()) {
    targets[row] = {
      of: 'inode',
      superblock: inodes.column('superblock').bigint(index),
      path: inodes.column('name').bigint(index) === 0n ? null : inodes.column('path').text(index),
      inode: inodes.column('inode').exact(index),
      device: deviceName(inodes.column('device').number(index)),
    }
  }
  const mountRows = rowsOf('VFSMOUNT')
  const mounts = kernel
    .at(
      mountRows.map((row) => at(row, 'mount')),
      'struct mount',
    )
    .select(MOUNT)
  for (const [index, row] of mountRows.entries()) {
    targets[row] = {
      of: 'mount',
      superblock: null,
      path: mounts.column('path').text(index),
      inode: null,
      device: deviceName(mounts.column('device').number(index)),
    }
  }
  const superblockRows = rowsOf('SB')
  const superblocks = kernel
    .at(
      superblockRows.map((row) => at(row, 'superblock')),
      'struct super_block',
    )
    .select(SUPER_BLOCK)
  for (const [index, row] of superblockRows.entries()) {
    targets[row] = { ...GONE, of: 'file system', device: deviceName(superblocks.column('device').number(index)) }
  }
  return targets
}
