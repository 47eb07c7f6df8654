/** What processes share by System V's and POSIX's means, of every namespace (ipc/util.c, shm.c, sem.c, msg.c, mqueue.c). */

import type { Batch } from './batch.js'
import { ipcNamespaces, mappedBy, openedBy } from './ipc-namespaces.js'
import { OBJECTS, type POSIX_QUEUES, type permissions, type QUEUES, type SEGMENTS, type SETS } from './ipc-objects.js'
import type { Kernel } from './kernel.js'
import { IPC_NAMESPACE } from './objects.js'

/** SHM_DEST, SHM_LOCKED (include/linux/shm.h) and SHM_HUGETLB (include/uapi/linux/shm.h), which lie beside the permissions. */
const SEGMENT_FLAGS = [
  [0o1000, 'destroyed when detached'],
  [0o2000, 'locked'],
  [0o4000, 'huge pages'],
] as const
/** S_IRWXUGO (include/linux/stat.h). */
const PERMISSIONS = 0o777
/** S_IFMT and S_IFREG (include/uapi/linux/stat.h). */
const [KIND, REGULAR] = [0o170000, 0o100000]
/** The bits of an id that are always its place (IPCMNI, include/linux/ipc_namespace.h); ipcmni_extend takes more. */
const PLACE = 0x7fff
/** Objects of one kind that are shown. */
const MOST_OBJECTS = 1 << 17

/** What kind of thing is shared. */
export type IpcKind = 'shared memory' | 'semaphores' | 'message queue' | 'posix queue'

/** A thing by which processes share. */
export interface IpcObject {
  /** Of its `shmid_kernel`, `sem_array`, `msg_queue`, or of the inode of a POSIX queue. */
  address: bigint
  /** Inode number of the namespace that it is in. */
  ipc_ns: number | null
  kind: IpcKind
  /** System V's; 0 is IPC_PRIVATE. */
  key: number | null
  /** System V's identifier, or the inode number of a POSIX queue. */
  id: number | bigint | null
  /** Of a POSIX queue, as mq_open() has it. */
  name: string | null
  /** In octal, as ipcs has them. */
  mode: string | null
  uid: number | null
  gid: number | null
  creator_uid: number | null
  creator_gid: number | null
  /** Bytes of a segment, or of the messages in a queue. */
  size: number | bigint | null
  /** Attachments of a segment, semaphores of a set, messages in a queue. */
  count: number | bigint | null
  flags: string[]
  /** Process that made a segment. */
  creator_pid: number | null
  /** Process that last attached, detached, operated or sent. */
  last_pid: number | null
  /** Process that last received. */
  receiver_pid: number | null
  /** Seconds since 1970 when it was last attached, operated on or sent to; null if never. */
  used: bigint | null
  /** The same of detaching and receiving. */
  left: bigint | null
  /** The same of its making, or of the last change of its owner or mode. */
  changed: bigint | null
  /** Tasks that have a segment in their memory, or a queue open. */
  tasks: bigint[]
}

/** All that is shared in the namespaces that some processes are in or hold, that are mounted somewhere, or that the kernel lists. */
export function readIpcObjects(kernel: Kernel, processes: readonly bigint[]): IpcObject[] {
  const namespaces = kernel.at(ipcNamespaces(kernel, processes), IPC_NAMESPACE).select({ inode: 'ns.inum' }, OBJECTS)
  const inode = (parent: number | undefined) => namespaces.column('inode').number(parent ?? 0)
  const batches = {
    segments: namespaces.child('segments'),
    sets: namespaces.child('sets'),
    queues: namespaces.child('queues'),
    posix: namespaces.child('posix'),
  }
  const rows = <T>(batch: Batch, what: string, make: (row: number, ipc_ns: number | null) => T[]) =>
    Array.from({ length: kernel.capped(what, batch.length, MOST_OBJECTS) }, (_, row) =>
      make(row, inode(batch.parents[row])),
    ).flat()
  const segments = rows(batches.segments, 'shared memory segments', (row, ipc_ns) =>
    segment(batches.segments, row, ipc_ns),
  )
  const names = batches.posix.child('names')
  const named = names.byParent()
  const nameOf = (row: number) => (named.get(row) ?? []).map((name) => names.column('path').text(name))[0] ?? null
  const posix = rows(batches.posix, 'POSIX message queues', (row, ipc_ns) =>
    posixQueue(batches.posix, row, ipc_ns, nameOf(row)),
  )
  const lastUse = lastUses(batches.sets.child('semaphores'))
  attach(segments, mappedBy(kernel, segments.length > 0 ? processes : []))
  attach(posix, openedBy(kernel, posix.length > 0 ? processes : []))
  return [
    ...segments.map(({ object }) => object),
    ...rows(batches.sets, 'semaphore sets', (row, ipc_ns) => semaphores(batches.sets, row, ipc_ns, lastUse.get(row))),
    ...rows(batches.queues, 'message queues', (row, ipc_ns) => messageQueue(batches.queues, row, ipc_ns)),
    ...posix.map(({ object }) => object),
  ]
}

/** An object with the inode that whoever uses it has in its memory, or open. */
interface Used {
  object: IpcObject
  inode: bigint | null
}

const NOTHING = {
  key: null,
  name: null,
  creator_uid: null,
  creator_gid: null,
  size: null,
  count: null,
  creator_pid: null,
  last_pid: null,
  receiver_pid: null,
  used: null,
  left: null,
} as const

/** What System V's have in common; none where an object lies at another place than its id says. */
function common(batch: Batch<ReturnType<typeof permissions>>, row: number, ipc_ns: number | null) {
  const number = (name: keyof ReturnType<typeof permissions>) => batch.column(name).number(row)
  const [place, id, mode] = [number('place'), number('id'), number('mode')]
  if (place !== null && id !== null && (place & PLACE) !== (id & PLACE)) return []
  return [
    {
      ...NOTHING,
      address: batch.column('object').bigint(row) ?? batch.address(row),
      ipc_ns,
      key: number('key'),
      id,
      mode: modeText(mode),
      uid: number('uid'),
      gid: number('gid'),
      creator_uid: number('creator_uid'),
      creator_gid: number('creator_gid'),
      flags: [],
      tasks: [],
    },
  ]
}

function segment(batch: Batch<typeof SEGMENTS.select>, row: number, ipc_ns: number | null): Used[] {
  const mode = batch.column('mode').number(row) ?? 0
  return common(batch, row, ipc_ns).map((known) => ({
    inode: batch.column('inode').bigint(row),
    object: {
      ...known,
      kind: 'shared memory',
      size: batch.column('size').exact(row),
      count: batch.column('count').exact(row),
      flags: SEGMENT_FLAGS.filter(([bit]) => (mode & bit) !== 0).map(([, word]) => word),
      creator_pid: batch.column('creator_pid').number(row),
      last_pid: batch.column('last_pid').number(row),
      used: moment(batch.column('used').bigint(row)),
      left: moment(batch.column('left').bigint(row)),
      changed: moment(batch.column('changed').bigint(row)),
    },
  }))
}

/** The last operation on one of the semaphores of a set. */
interface LastUse {
  pid: number | null
  used: bigint
}

/** The last operation on each set, by its row: each of its semaphores has its own (get_semotime()). */
function lastUses(semaphores: Batch<typeof SETS.children.semaphores.select>): Map<number, LastUse> {
  const last = new Map<number, LastUse>()
  for (const [row, set] of semaphores.parents.entries()) {
    const used = semaphores.column('used').bigint(row)
    const pid = semaphores.column('pid').number(row)
    const known = last.get(set)
    if (used !== null && used > 0n && (known === undefined || used > known.used)) last.set(set, { pid, used })
  }
  return last
}

function semaphores(batch: Batch<typeof SETS.select>, row: number, ipc_ns: number | null, last?: LastUse): IpcObject[] {
  return common(batch, row, ipc_ns).map((known) => ({
    ...known,
    kind: 'semaphores',
    count: batch.column('count').exact(row),
    last_pid: last?.pid ?? null,
    used: last?.used ?? null,
    changed: moment(batch.column('changed').bigint(row)),
  }))
}

function messageQueue(batch: Batch<typeof QUEUES.select>, row: number, ipc_ns: number | null): IpcObject[] {
  return common(batch, row, ipc_ns).map((known) => ({
    ...known,
    kind: 'message queue',
    size: batch.column('size').exact(row),
    count: batch.column('count').exact(row),
    last_pid: batch.column('last_pid').number(row),
    receiver_pid: batch.column('receiver_pid').number(row),
    used: moment(batch.column('used').bigint(row)),
    left: moment(batch.column('left').bigint(row)),
    changed: moment(batch.column('changed').bigint(row)),
  }))
}

/** A file of the namespace's own file system that is not the directory of all of them. */
function posixQueue(
  batch: Batch<typeof POSIX_QUEUES.select>,
  row: number,
  ipc_ns: number | null,
  name: string | null,
): Used[] {
  const mode = batch.column('mode').number(row)
  if (mode === null || (mode & KIND) !== REGULAR) return []
  const object: IpcObject = {
    ...NOTHING,
    address: batch.address(row),
    ipc_ns,
    kind: 'posix queue',
    id: batch.column('id').exact(row),
    name,
    mode: modeText(mode),
    uid: batch.column('uid').number(row),
    gid: batch.column('gid').number(row),
    size: batch.column('size').exact(row),
    count: batch.column('count').exact(row),
    flags: batch.column('links').number(row) === 0 ? ['unlinked'] : [],
    changed: moment(batch.column('changed').bigint(row)),
    tasks: [],
  }
  return [{ object, inode: object.address }]
}

function attach(objects: readonly Used[], users: ReadonlyMap<bigint, bigint[]>): void {
  for (const { object, inode } of objects) object.tasks = [...new Set(users.get(inode ?? 0n) ?? [])]
}

function modeText(mode: number | null): string | null {
  return mode === null ? null : (mode & PERMISSIONS).toString(8).padStart(3, '0')
}

/** Seconds since 1970; what never happened has 0. */
function moment(seconds: bigint | null): bigint | null {
  return seconds === 0n ? null : seconds
}
