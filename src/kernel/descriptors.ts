/** `struct file` by descriptor: what a process has open, as /proc/PID/fd and fdinfo show it (fs/proc/fd.c). */

import type { Batch } from './batch.js'
import { deviceName } from './device-names.js'
import type { Kernel } from './kernel.js'
import { FILE, TASK_STRUCT } from './objects.js'
import { array, bytes, dPath, index, type Nested, text } from './query.js'

/** O_CLOEXEC (include/uapi/asm-generic/fcntl.h): kept of the descriptor, not of the file. */
const O_CLOEXEC = 0o2000000
/** S_IFMT and what it can be (include/uapi/linux/stat.h). */
const KIND = 0o170000
const KINDS: ReadonlyMap<number, string> = new Map([
  [0o010000, 'fifo'],
  [0o020000, 'character'],
  [0o040000, 'directory'],
  [0o060000, 'block'],
  [0o100000, 'file'],
  [0o140000, 'socket'],
])
/** Names of inodes that are no file system's; others are `anon`. */
const ANONYMOUS: Readonly<Record<string, string>> = {
  '[eventfd]': 'eventfd',
  '[eventpoll]': 'eventpoll',
  inotify: 'inotify',
  '[signalfd]': 'signalfd',
  '[timerfd]': 'timerfd',
  '[pidfd]': 'pidfd',
  '[io_uring]': 'io_uring',
  'bpf-prog': 'bpf-prog',
  'bpf-map': 'bpf-map',
  bpf_link: 'bpf-link',
  '[perf_event]': 'perf_event',
  '[fanotify]': 'fanotify',
  '[userfaultfd]': 'userfaultfd',
}
const ANON_INODE = 'anon_inode:'
const DELETED = ' (deleted)'

/** A descriptor. */
export interface Descriptor {
  /** Of the `struct file`. */
  address: bigint
  /** Of the task that it was read from. */
  task: bigint
  fd: number | null
  /** `file`, `socket`, `pipe`, `eventpoll` and so on. */
  type: string | null
  /** The link's text in /proc/PID/fd, seen from the process's root. */
  path: string | null
  inode: number | bigint | null
  /** `major:minor`. */
  device: string | null
  /** In octal, as fdinfo has them. */
  flags: string | null
  position: number | bigint | null
  size: number | bigint | null
  links: number | null
  deleted: boolean | null
  mount_id: number | null
}

/** What a task has open. */
export const OPEN_FILES = array('files->fdt->fd', { count: 'files->fdt->max_fds', pointers: true, type: FILE })

const FILES = {
  walk: OPEN_FILES,
  select: {
    fd: index(),
    path: dPath('', '^.fs->root'),
    filesystem: text('f_inode->i_sb->s_type->name', 32),
    mode: 'f_inode->i_mode',
    inode: 'f_inode->i_ino',
    device: 'f_inode->i_sb->s_dev',
    flags: 'f_flags',
    position: 'f_pos',
    size: 'f_inode->i_size',
    links: 'f_inode->i_nlink',
    mount_id: 'container_of(f_path.mnt, struct mount, mnt)->mnt_id',
    opened: 'f_inode',
    named: 'f_path.dentry->d_inode',
    superblock: 'f_inode->i_sb',
    named_superblock: 'f_path.dentry->d_sb',
  },
} satisfies Nested

/** A socket and its file lead to each other. */
const FILE_OF_SOCKET = 'container_of(f_inode, struct socket_alloc, vfs_inode)->socket.file'

/** An open file as one descriptor holds it. */
export interface OpenFile {
  /** Of the `struct file`. */
  file: bigint
  task: bigint
  fd: number | null
  /** Of its `file_operations`. */
  operations: bigint | null
  /** What they keep in it. */
  private: bigint | null
}

/** What some tasks have open, without what costs more than a look at each. */
export function readOpenFiles(kernel: Kernel, tasks: readonly bigint[]): OpenFile[] {
  const select = { fd: index(), operations: 'f_op', private: 'private_data' }
  const owners = kernel.at(tasks, TASK_STRUCT).select({}, { files: { walk: OPEN_FILES, select } })
  const files = owners.child('files')
  return Array.from({ length: files.length }, (_, row) => ({
    file: files.address(row),
    task: owners.address(files.parents[row] ?? 0),
    fd: files.column('fd').number(row),
    operations: files.column('operations').bigint(row),
    private: files.column('private').bigint(row),
  }))
}

/** Bits of descriptors that are closed by execve(). Tables of 1024 and more are read to their end, which is bounded. */
const CLOSED = bytes('files->fdt->close_on_exec', { length: 'files->fdt->max_fds >> 3', max: 1 << 17 })

/** All descriptors of some tasks, in their order, lowest first. */
export function readDescriptors(kernel: Kernel, tasks: readonly bigint[]): Descriptor[] {
  const owners = kernel.at(tasks, TASK_STRUCT).select({ closed: CLOSED }, { files: FILES })
  const files = owners.child('files')
  const closed = Array.from({ length: owners.length }, (_, owner) => owners.column('closed').bytes(owner))
  const found = Array.from({ length: files.length }, (_, row) => {
    const owner = files.parents[row] ?? 0
    return descriptor(files, row, owners.address(owner), closed[owner] ?? null)
  })
  const strays = new Set([...renamed(files), ...strangers(kernel, found)])
  const [first] = strays
  if (first !== undefined) {
    const message = "descriptors lead to a file that is none any more, or to another's socket: left out"
    kernel.warn({ code: 'torn', message, count: strays.size, address: `0x${first.toString(16)}` })
  }
  return found.filter(({ address }) => !strays.has(address))
}

/**
 * Files of which the inode is another than that of their name, in one file system. Of overlays before 4.19 the one is the
 * layer's (vfs_open).
 */
function renamed(files: Batch<(typeof FILES)['select']>): bigint[] {
  const value = (name: 'opened' | 'named' | 'superblock' | 'named_superblock', row: number) =>
    files.column(name).bigint(row)
  return Array.from({ length: files.length }, (_, row) => row)
    .filter((row) => {
      const [opened, named, superblock] = [value('opened', row), value('named', row), value('superblock', row)]
      const isKnown = opened !== null && named !== null && superblock !== null
      return isKnown && superblock === value('named_superblock', row) && opened !== named
    })
    .map((row) => files.address(row))
}

/** Files whose socket is another file's: what was closed, and is something else by now. */
function strangers(kernel: Kernel, found: readonly Descriptor[]): bigint[] {
  const sockets = new Set(found.filter(({ type }) => type === 'socket').map(({ address }) => address))
  const opened = kernel.at(sockets, FILE).select({ owner: FILE_OF_SOCKET })
  return [...opened.addresses].filter((address, row) => {
    const owner = opened.column('owner').bigint(row)
    return owner !== null && owner !== address
  })
}

function descriptor(
  files: Batch<(typeof FILES)['select']>,
  row: number,
  task: bigint,
  closed: Uint8Array | null,
): Descriptor {
  const fd = files.column('fd').number(row)
  const path = files.column('path').text(row)
  return {
    address: files.address(row),
    task,
    fd,
    type: typeOf(path, files.column('filesystem').text(row), files.column('mode').number(row)),
    path,
    inode: files.column('inode').exact(row),
    device: deviceName(files.column('device').number(row)),
    flags: flagsOf(files.column('flags').number(row), fd, closed),
    position: files.column('position').exact(row),
    size: files.column('size').exact(row),
    links: files.column('links').number(row),
    deleted: path === null ? null : path.endsWith(DELETED),
    mount_id: files.column('mount_id').number(row),
  }
}

/** Where the bit of the descriptor cannot be read, nobody knows all flags. */
function flagsOf(flags: number | null, fd: number | null, closed: Uint8Array | null): string | null {
  const part = closed?.[(fd ?? 0) >> 3]
  if (flags === null || fd === null || part === undefined) return null
  const closes = (part & (1 << (fd & 7))) !== 0
  return `0${((flags & ~O_CLOEXEC) | (closes ? O_CLOEXEC : 0)).toString(8)}`
}

/** What kind of thing is open: by its file system where that says more than the inode's mode. */
function typeOf(path: string | null, filesystem: string | null, mode: number | null): string | null {
  if (filesystem === null || mode === null) return null
  if (filesystem === 'pipefs') return 'pipe'
  if (filesystem === 'nsfs') return 'namespace'
  if (filesystem === 'pidfs') return 'pidfd'
  if (filesystem === 'anon_inodefs') return ANONYMOUS[path?.slice(ANON_INODE.length) ?? ''] ?? 'anon'
  if (path?.startsWith('/memfd:') && path.endsWith(DELETED)) return 'memfd'
  return KINDS.get(mode & KIND) ?? 'anon'
}
