/** What is read of each kind of thing that processes share (ipc/util.c, shm.c, sem.c, msg.c, mqueue.c). */

import { array, dentryPath, hlist, index, list, type Nested, type Selects, xarray } from './query.js'

/** Semaphores of a set that are read: the kernel has 32000 unless it is told otherwise (SEMMSL). */
const MOST_SEMAPHORES = 1 << 20
/** What tables of things lead to is the part that all have, which need not be the first of each. */
const PERMISSIONS = 'struct kern_ipc_perm'
const [SEGMENT, SET, QUEUE] = [
  'container_of(, struct shmid_kernel, shm_perm)',
  'container_of(, struct sem_array, sem_perm)',
  'container_of(, struct msg_queue, q_perm)',
] as const

/** The members of `kern_ipc_perm`, and the thing that it is of. */
export function permissions(object: string) {
  return {
    object,
    place: index(),
    key: 'key',
    id: 'id',
    mode: 'mode',
    uid: 'uid.val',
    gid: 'gid.val',
    creator_uid: 'cuid.val',
    creator_gid: 'cgid.val',
  } satisfies Selects
}

/** A process in the initial pid namespace, whether or not it is there any more: whoever names it holds its number. */
const pidOf = (path: string) => `${path}->numbers[0].nr`

export const SEGMENTS = {
  walk: xarray('ids[2].ipcs_idr', PERMISSIONS),
  rules: [
    // From 5.16 on a segment knows its namespace.
    { path: `${SEGMENT}->ns`, is: 'origin_or_null' },
    { path: `${SEGMENT}->shm_file`, is: 'pointer' },
    { path: `${SEGMENT}->shm_file->f_inode`, is: 'pointer' },
  ],
  select: {
    ...permissions(SEGMENT),
    size: `${SEGMENT}->shm_segsz`,
    count: `${SEGMENT}->shm_nattch`,
    inode: `${SEGMENT}->shm_file->f_inode`,
    creator_pid: pidOf(`${SEGMENT}->shm_cprid`),
    last_pid: pidOf(`${SEGMENT}->shm_lprid`),
    used: `${SEGMENT}->shm_atim`,
    left: `${SEGMENT}->shm_dtim`,
    changed: `${SEGMENT}->shm_ctim`,
  },
} satisfies Nested

export const SETS = {
  walk: xarray('ids[0].ipcs_idr', PERMISSIONS),
  rules: [{ path: `${SET}->sem_nsems`, is: { at_least: 1 } }],
  select: { ...permissions(SET), count: `${SET}->sem_nsems`, changed: `${SET}->sem_ctime` },
  children: {
    semaphores: {
      walk: array(`${SET}->sems`, { count: `${SET}->sem_nsems`, most: MOST_SEMAPHORES }),
      select: { pid: pidOf('sempid'), used: 'sem_otime' },
    },
  },
} satisfies Nested

export const QUEUES = {
  walk: xarray('ids[1].ipcs_idr', PERMISSIONS),
  rules: [
    { path: `${QUEUE}->q_messages.next`, is: 'pointer' },
    { path: `${QUEUE}->q_messages.prev`, is: 'pointer' },
  ],
  select: {
    ...permissions(QUEUE),
    size: `${QUEUE}->q_cbytes`,
    count: `${QUEUE}->q_qnum`,
    last_pid: pidOf(`${QUEUE}->q_lspid`),
    receiver_pid: pidOf(`${QUEUE}->q_lrpid`),
    used: `${QUEUE}->q_stime`,
    left: `${QUEUE}->q_rtime`,
    changed: `${QUEUE}->q_ctime`,
  },
} satisfies Nested

const POSIX = 'container_of(, struct mqueue_inode_info, vfs_inode)'

export const POSIX_QUEUES = {
  walk: list('mq_mnt->mnt_sb->s_inodes', 'struct inode', 'i_sb_list'),
  rules: [{ path: 'i_sb', is: { equals: '^.mq_mnt->mnt_sb' } }],
  select: {
    mode: 'i_mode',
    id: 'i_ino',
    uid: 'i_uid.val',
    gid: 'i_gid.val',
    links: 'i_nlink',
    size: `${POSIX}->qsize`,
    count: `${POSIX}->attr.mq_curmsgs`,
    changed: ['__i_ctime.tv_sec', 'i_ctime_sec', 'i_ctime.tv_sec'],
  },
  children: {
    names: {
      walk: hlist('i_dentry', 'struct dentry', ['d_u.d_alias', 'd_alias']),
      rules: [{ path: 'd_inode', is: 'origin' }],
      select: { path: dentryPath('') },
    },
  },
  // Where the kernel is built without them.
  optional: true,
} satisfies Nested

/** All of a namespace. */
export const OBJECTS = { segments: SEGMENTS, sets: SETS, queues: QUEUES, posix: POSIX_QUEUES }
