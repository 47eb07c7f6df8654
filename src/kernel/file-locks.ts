/** `struct file_lock`: what files are locked by, as /proc/locks shows it (fs/locks.c). */

import type { Batch } from './batch.js'
import { deviceName } from './device-names.js'
import type { Kernel } from './kernel.js'
import { dPath, firstOf, hlist, list } from './query.js'

const LOCK = 'struct file_lock'
/** FL_… (include/linux/filelock.h, before 6.3 fs.h): what kind it is. The first that is set counts, as it is named there. */
const KINDS = [
  [0x400, 'ofd'],
  [0x1, 'posix'],
  [0x2, 'flock'],
  [0x4, 'delegation'],
  [0x20, 'lease'],
  [0x800, 'layout'],
] as const
/** FL_OFDLCK. */
const OF_FILE = 0x400
const LEASES = 0x4 | 0x20
/** FL_UNLOCK_PENDING and FL_DOWNGRADE_PENDING: somebody waits for the lease to be given back. */
const [UNLOCK_PENDING, DOWNGRADE_PENDING] = [0x200, 0x100]
/** F_RDLCK, F_WRLCK and F_UNLCK (include/uapi/asm-generic/fcntl.h). */
const MODES = ['read', 'write', 'unlock']
/** OFFSET_MAX (include/linux/limits.h): to the end of the file, however long it gets. */
const TO_THE_END = 2n ** 63n - 1n
/** Waiters may have waiters of their own. */
const DEEPEST = 64

/** A lock, or a request that waits for one. */
export interface FileLock {
  address: bigint
  /** `posix`, `ofd`, `flock`, `lease`, `delegation` or `layout`. */
  kind: string | null
  /** `read`, `write` or `unlock`. */
  mode: string | null
  /** `held`, `waiting`, or `breaking` of a lease that is to be given back. */
  state: string | null
  /** Process that asked for it. */
  asked_by: number | null
  /** The same as /proc/locks has it: -1 where it belongs to an open file and to no process. */
  lock_pid: number | null
  /** Of the open file, a `struct file`. */
  file: bigint | null
  path: string | null
  inode: number | bigint | null
  /** `major:minor`. */
  device: string | null
  /** First byte. */
  start: number | bigint | null
  /** Last byte; null where it goes to the end of the file. */
  end: number | bigint | null
  /** Of a request: the lock that it waits for. */
  blocked_by: bigint | null
}

/** From 6.9 on what locks and leases have in common is within both. */
const both = (member: string) => [`fl_${member}`, `c.flc_${member}`]
const ofFile = (member: string) => both(`file->${member}`)

const VALUES = {
  flags: both('flags'),
  mode: both('type'),
  pid: both('pid'),
  file: both('file'),
  path: dPath(both('file')),
  inode: ofFile('f_inode->i_ino'),
  device: ofFile('f_inode->i_sb->s_dev'),
  start: 'fl_start',
  end: 'fl_end',
} as const

const WAITERS = firstOf(
  list(both('blocked_requests'), LOCK, both('blocked_member')),
  // Before 5.0 one member was the list's head and its link.
  list('fl_block', LOCK, 'fl_block'),
)

/** Every lock that is held, in the order of the processors that it was asked for on, each with what waits for it. */
export function readFileLocks(kernel: Kernel): FileLock[] {
  const held = kernel
    .perCpu('file_lock_list', 'struct file_lock_list_struct')
    .walk(hlist('hlist', LOCK, both('link')))
    .select(VALUES)
  const locks = Array.from({ length: held.length }, (_, row) => lock(held, row, null))
  return [...locks, ...waiters(kernel, locks)]
}

function waiters(kernel: Kernel, locks: readonly FileLock[]): FileLock[] {
  const found: FileLock[] = []
  const seen = new Set(locks.map(({ address }) => address))
  let level = locks.map(({ address }) => address)
  // Nobody waits where nobody holds anything, and that is asked too.
  for (let depth = 0; depth === 0 || (level.length > 0 && depth < DEEPEST); depth++) {
    const batch = kernel.at(level, LOCK).select({}, { waiting: { walk: WAITERS, select: VALUES } })
    const waiting = batch.child('waiting')
    const next = Array.from({ length: waiting.length }, (_, row) =>
      lock(waiting, row, batch.address(waiting.parents[row] ?? 0)),
    ).filter(({ address }) => !seen.has(address))
    for (const { address } of next) seen.add(address)
    found.push(...next)
    level = next.map(({ address }) => address)
  }
  return found
}

function lock(batch: Batch<typeof VALUES>, row: number, blocked_by: bigint | null): FileLock {
  const flags = batch.column('flags').number(row)
  const pid = batch.column('pid').number(row)
  const end = batch.column('end').bigint(row)
  const isLease = flags !== null && (flags & LEASES) !== 0
  return {
    address: batch.address(row),
    kind: flags === null ? null : (KINDS.find(([bit]) => (flags & bit) !== 0)?.[1] ?? null),
    mode: modeOf(flags, batch.column('mode').number(row)),
    state: stateOf(flags, blocked_by),
    asked_by: pid === null ? null : pid | 0,
    lock_pid: pid === null || flags === null ? null : (flags & OF_FILE) === 0 ? pid | 0 : -1,
    file: batch.column('file').bigint(row),
    path: batch.column('path').text(row),
    inode: batch.column('inode').exact(row),
    device: deviceName(batch.column('device').number(row)),
    // A lease has other members in that place, and is of the whole file.
    start: isLease ? 0 : batch.column('start').exact(row),
    end: isLease || end === TO_THE_END ? null : batch.column('end').exact(row),
    blocked_by,
  }
}

/** What a lease will be when whoever waits for it has got it (target_leasetype()). */
function modeOf(flags: number | null, mode: number | null): string | null {
  if (flags === null || mode === null) return null
  if ((flags & UNLOCK_PENDING) !== 0) return 'unlock'
  return (flags & DOWNGRADE_PENDING) === 0 ? (MODES[mode] ?? null) : 'read'
}

function stateOf(flags: number | null, blocked_by: bigint | null): string | null {
  if (blocked_by !== null) return 'waiting'
  if (flags === null) return null
  return (flags & (UNLOCK_PENDING | DOWNGRADE_PENDING)) === 0 ? 'held' : 'breaking'
}
