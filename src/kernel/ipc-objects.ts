/** What is read of each kind of thing that processes share (ipc/util.c, shm.c, sem.c, msg.c, mqueue.c). */

import { array, dentryPath, hlist, index, list, type Nested, type Selects, xarray } from './query.js'

/** Semaphores of a set that are read: the kernel has 32000 unless it is told otherwise (SEMMSL). */
const MOST_SEMAPHORES = 1 << 20
/** The members of `kern_ipc_perm`, from where it is. */
export function permissions(at: string) {
  return {
    place: index(),
    key: `${at}.key`,
    id: `${at}.id`,
    mode: `${at}.mode`,
    uid: `${at}.uid.val`,
    gid: `${at}.gid.val`,
    creator_uid: `${at}.cuid.val`,
    creator_gid: `${at}.cgid.val`,
  } satisfies Selects
}

/** A process in the initial pid namespace, whether or not it is there any more: whoever names it holds its number. */
const pidOf = (path: string) => `${path}->numbers[0].nr`

export const SEGMENTS = {
  walk: xarray('ids[2].ipcs_idr', 'struct shmid_kernel'),
  // From 5.16 on a segment knows its namespace.
  rules: [{ path: 'ns', is: 'origin_or_null' }],
  select: {
    ...permissions('shm_perm'),
    size: 'shm_segsz',
    count: 'shm_nattch',
    inode: 'shm_file->f_inode',
    creator_pid: pidOf('shm_cprid'),
    last_pid: pidOf('shm_lprid'),
    used: 'shm_atim',
    left: 'shm_dtim',
    changed: 'shm_ctim',
  },
} satisfies Nested

export const SETS = {
  walk: xarray('ids[0].ipcs_idr', 'struct sem_array'),
  select: { ...permissions('sem_perm'), count: 'sem_nsems', changed: 'sem_ctime' },
  children: {
    semaphores: {
      walk: array('sems', { count: 'sem_nsems', most: MOST_SEMAPHORES }),
      select: { pid: pidOf('sempid'), used: 'sem_otime' },
    },
  },
} satisfies Nested

export const QUEUES = {
  walk: xarray('ids[1].ipcs_idr', 'struct msg_queue'),
  select: {
    ...permissions('q_perm'),
    size: 'q_cbytes',
    count: 'q_qnum',
    last_pid: pidOf('q_lspid'),
    receiver_pid: pidOf('q_lrpid'),
    used: 'q_stime',
    left: 'q_rtime',
    changed: 'q_ctime',
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
