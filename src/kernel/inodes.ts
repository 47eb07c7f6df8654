/** `struct inode`: the files that the kernel has in memory, by the lists of their superblocks (fs/inode.c, fs/dcache.c). */

import { isoTime } from '../iso-time.js'
import type { Batch } from './batch.js'
import { OPEN_FILES } from './descriptors.js'
import { deviceName } from './device-names.js'
import type { Kernel } from './kernel.js'
import { MAPPINGS, OF_MEMORY } from './mappings.js'
import { TASK_STRUCT } from './objects.js'
import { around, followLayers, INODE, pageBytes } from './overlay-inodes.js'
import { dentryPath, hlist, list, type Nested, optional, type Selects, text } from './query.js'

const SUPER_BLOCK = 'struct super_block'
const OVERLAY = 'overlay'
/** Inodes of one file system that are read. */
const MOST_INODES = 1 << 20
/** File systems in which there are no files that anybody has put there: they show the kernel itself. */
const KERNELS_OWN = new Set(
  (
    'proc sysfs cgroup cgroup2 cpuset resctrl debugfs tracefs securityfs apparmorfs selinuxfs smackfs configfs pstore ' +
    'efivarfs bpf mqueue devpts autofs binfmt_misc fusectl nsfs pidfs pipefs sockfs anon_inodefs anon_inode bdev dax dmabuf ' +
    'iomem secretmem aio zsmalloc balloon-kvm rpc_pipefs nfsd'
  ).split(' '),
)

/** S_IFMT and what it can be (include/uapi/linux/stat.h), with the letter that `ls` has for it. */
const KIND = 0o170000
const KINDS: ReadonlyMap<number, readonly [kind: string, letter: string]> = new Map([
  [0o010000, ['fifo', 'p']],
  [0o020000, ['character', 'c']],
  [0o040000, ['directory', 'd']],
  [0o060000, ['block', 'b']],
  [0o100000, ['file', '-']],
  [0o120000, ['symlink', 'l']],
  [0o140000, ['socket', 's']],
])
/** Permissions as `ls` has them, and what stands for the last of each three where a special bit is set. */
const PERMISSIONS = 'rwxrwxrwx'
const SPECIAL = [
  [0o4000, 2, 's', 'S'],
  [0o2000, 5, 's', 'S'],
  [0o1000, 8, 't', 'T'],
] as const
const SECOND = 1_000_000_000n
/** Above it is I_CTIME_QUERIED of `i_ctime_nsec` (include/linux/fs.h). */
const NSEC_MASK = 0x7fffffffn

/** A file that the kernel has in memory by a name. */
export interface CachedInode {
  /** Of the `struct inode`. */
  address: bigint
  /** Of its `struct super_block`. */
  superblock: bigint
  /** Within its file system. */
  path: string | null
  /** `file`, `directory`, `symlink` and so on. */
  type: string | null
  inode: number | bigint | null
  /** `major:minor`. */
  device: string | null
  size: number | bigint | null
  /** As `ls` has it: `-rw-r--r--`. */
  mode: string | null
  uid: number | null
  gid: number | null
  links: number | null
  accessed: string | null
  modified: string | null
  changed: string | null
  born: string | null
  cached_bytes: number | null
  deleted: boolean
  /** Of a device; 0 is a name that an overlay does not show (fs/overlayfs/util.c). */
  rdev: number | null
  /** Of an overlay: the inode of the layer that its contents are in; else its own address. */
  contents: bigint
  /** Of an overlay: the layer that its contents are in. */
  layer: 'upper' | 'lower' | null
}

/** Seconds and nanoseconds of a time: apart from 6.11 on, and in 6.6 to 6.10 one after the other by new names. */
const time = (member: string, part: 'sec' | 'nsec') => [
  `${member}_${part}`,
  `${member}.tv_${part}`,
  `__${member}.tv_${part}`,
]

const VALUES = {
  mode: 'i_mode',
  inode: 'i_ino',
  size: 'i_size',
  uid: 'i_uid.val',
  gid: 'i_gid.val',
  links: 'i_nlink',
  rdev: 'i_rdev',
  pages: 'i_mapping->nrpages',
  accessed_seconds: time('i_atime', 'sec'),
  accessed_nanoseconds: time('i_atime', 'nsec'),
  modified_seconds: time('i_mtime', 'sec'),
  modified_nanoseconds: time('i_mtime', 'nsec'),
  changed_seconds: time('i_ctime', 'sec'),
  changed_nanoseconds: time('i_ctime', 'nsec'),
} as const

/** The names of an inode: each leads back to it. */
const NAMES = {
  walk: hlist('i_dentry', 'struct dentry', ['d_u.d_alias', 'd_alias']),
  rules: [{ path: 'd_inode', is: 'origin' }],
  select: {
    path: dentryPath(''),
    name: text('d_name.name', 256),
    hashed: 'd_hash.pprev',
    parent: 'd_parent',
  },
} satisfies Nested
const CHILDREN = { names: NAMES } as const

/** When a file was made, by the function that makes the file system's inodes: what that function's are within. */
const BORN: Readonly<Record<string, readonly [seconds: string[], nanoseconds: string[]]>> = {
  ext4: [[around('struct ext4_inode_info', 'i_crtime.tv_sec')], [around('struct ext4_inode_info', 'i_crtime.tv_nsec')]],
  btrfs: [
    [around('btrfs:struct btrfs_inode', 'i_otime_sec'), around('btrfs:struct btrfs_inode', 'i_otime.tv_sec')],
    [around('btrfs:struct btrfs_inode', 'i_otime_nsec'), around('btrfs:struct btrfs_inode', 'i_otime.tv_nsec')],
  ],
  xfs: [
    ['container_of(, xfs:struct xfs_inode, i_vnode)->i_crtime.tv_sec'],
    ['container_of(, xfs:struct xfs_inode, i_vnode)->i_crtime.tv_nsec'],
  ],
  tmpfs: [
    [around('struct shmem_inode_info', 'i_crtime.tv_sec')],
    [around('struct shmem_inode_info', 'i_crtime.tv_nsec')],
  ],
}

/** Kinds that are asked for more than others are, and the rest. */
const KINDS_OF_FILE_SYSTEMS = [...Object.keys(BORN), '']

interface FileSystem {
  address: bigint
  type: string
  device: string | null
  /** The dentry at its top. */
  root: bigint
}

/** Inodes that some tasks run, map or have open, by their addresses. */
export function heldInodes(kernel: Kernel, tasks: readonly bigint[]): Set<bigint> {
  const of = (path: string) => ({ inode: path })
  const batch = kernel.at(tasks, TASK_STRUCT).select(of('mm->exe_file->f_inode'), {
    mapped: { walk: MAPPINGS, rules: [OF_MEMORY], select: of('vm_file->f_inode') },
    open: { walk: OPEN_FILES, select: of('f_inode') },
  })
  const all = [batch, batch.child('mapped'), batch.child('open')]
  return new Set(
    all.flatMap((each) => Array.from({ length: each.length }, (_, row) => each.column('inode').bigint(row) ?? 0n)),
  )
}

/** Every file of the file systems on disks and in memory that has a name in memory, file system by file system. */
export function* readInodes(kernel: Kernel): Generator<CachedInode[]> {
  const all = fileSystems(kernel)
  followLayers(kernel.unheard(), [])
  for (const kind of KINDS_OF_FILE_SYSTEMS) {
    const own = all.filter(({ type }) => (type in BORN ? type : '') === kind)
    // What a kind is asked does not depend on whether the image has one.
    if (own.length === 0) inodesOf(kernel.unheard(), [], kind)
    for (const fileSystem of own) yield readFileSystem(kernel, fileSystem, kind)
  }
}

function fileSystems(kernel: Kernel): FileSystem[] {
  const batch = kernel
    .list('super_blocks', SUPER_BLOCK, 's_list')
    .select({ type: text('s_type->name', 64), device: 's_dev', root: 's_root' })
  return Array.from({ length: batch.length }, (_, row) => ({
    address: batch.address(row),
    type: batch.column('type').text(row) ?? '',
    device: deviceName(batch.column('device').number(row)),
    root: batch.column('root').bigint(row) ?? 0n,
  })).filter(({ type }) => !KERNELS_OWN.has(type))
}

function inodesOf(kernel: Kernel, superblocks: readonly bigint[], kind: string) {
  const [seconds, nanoseconds] = BORN[kind] ?? [[], []]
  const born = seconds.length === 0 ? {} : { born_seconds: optional(seconds), born_nanoseconds: optional(nanoseconds) }
  const select: Selects = { ...VALUES, ...born }
  return kernel
    .at(superblocks, SUPER_BLOCK)
    .walk(list('s_inodes', INODE, 'i_sb_list'))
    .obeying([{ path: 'i_sb', is: 'origin' }])
    .most(MOST_INODES)
    .select(select, CHILDREN)
}

type Inodes = ReturnType<typeof inodesOf>
type Names = Batch<(typeof NAMES)['select']>

function readFileSystem(kernel: Kernel, fileSystem: FileSystem, kind: string): CachedInode[] {
  const batch = inodesOf(kernel, [fileSystem.address], kind)
  const names = batch.child('names')
  const found: CachedInode[] = []
  for (let name = 0; name < names.length; ) {
    const row = names.parents[name] ?? 0
    let last = name
    while (names.parents[last] === row) last++
    found.push(inode(batch, row, fileSystem, nameOf(names, name, last, fileSystem.root), kernel.info.page_size))
    name = last
  }
  if (fileSystem.type === OVERLAY) followLayers(kernel, found)
  return found
}

interface Name {
  path: string | null
  deleted: boolean
}

/** The first name that is still there, else the first. */
function nameOf(names: Names, from: number, to: number, root: bigint): Name {
  for (let row = from; row < to; row++)
    if (isLinked(names, row, root)) return { path: names.column('path').text(row), deleted: false }
  // Files that were never in a directory are their own top: `memfd:cfg`, which /proc shows as /memfd:cfg (deleted).
  const isAlone = names.column('parent').bigint(from) === names.address(from)
  const name = names.column('name').text(from)
  return { path: isAlone ? (name === null ? null : `/${name}`) : names.column('path').text(from), deleted: true }
}

function isLinked(names: Names, row: number, root: bigint): boolean {
  return names.address(row) === root || names.column('hashed').bigint(row) !== 0n
}

function inode(
  batch: Inodes,
  row: number,
  fileSystem: FileSystem,
  { path, deleted }: Name,
  pageSize: number,
): CachedInode {
  const mode = batch.column('mode').number(row)
  return {
    address: batch.address(row),
    superblock: fileSystem.address,
    path,
    type: mode === null ? null : (KINDS.get(mode & KIND)?.[0] ?? null),
    inode: batch.column('inode').exact(row),
    device: fileSystem.device,
    size: batch.column('size').exact(row),
    mode: modeText(mode),
    uid: batch.column('uid').number(row),
    gid: batch.column('gid').number(row),
    links: batch.column('links').number(row),
    accessed: moment(batch, row, 'accessed'),
    modified: moment(batch, row, 'modified'),
    changed: moment(batch, row, 'changed'),
    born: fileSystem.type in BORN ? moment(batch, row, 'born') : null,
    cached_bytes: pageBytes(batch.column('pages').number(row), pageSize),
    deleted,
    rdev: batch.column('rdev').number(row),
    contents: batch.address(row),
    layer: null,
  }
}

/** A time of a row; null where its nanoseconds are none. */
function moment(batch: Inodes, row: number, name: string): string | null {
  const seconds = batch.column(`${name}_seconds`).bigint(row)
  const nanoseconds = batch.column(`${name}_nanoseconds`).bigint(row)
  if (seconds === null || nanoseconds === null) return null
  const rest = nanoseconds & NSEC_MASK
  return rest < SECOND ? isoTime(seconds * SECOND + rest) : null
}

function modeText(mode: number | null): string | null {
  if (mode === null) return null
  const letters = [...PERMISSIONS].map((letter, place) => ((mode >> (8 - place)) & 1 ? letter : '-'))
  for (const [bit, place, set, alone] of SPECIAL) {
    if ((mode & bit) !== 0) letters[place] = letters[place] === 'x' ? set : alone
  }
  return `${KINDS.get(mode & KIND)?.[1] ?? '?'}${letters.join('')}`
}
