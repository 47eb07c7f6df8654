/** What processes share. The guests shared nothing by these means: copies of their memory are given some of it. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf, object, type Paths } from '../../dist/src/kernel/query.js'
import { partialTable, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, Scratch, word } from './patched.js'

type Width = 1 | 2 | 4 | 8
type Members = [path: Paths, width: Width, value: bigint | number][]

/** The namespace that pid 1 is in, and one that a container has of its own. */
const HOST = 'init_ipc_ns'
/** 2026-10-31T07:06:40Z */
const WHEN = 1_793_430_400n

function forge(kernel: Kernel, scratch: Scratch, at: bigint, type: string, members: Members): void {
  for (const [path, width, value] of members) scratch.put(word(kernel, at, type, path).at, width, value)
}

const permissions = (at: string, id: number, key: number): Members => [
  [`${at}.id`, 4, id],
  [`${at}.key`, 4, key],
  [`${at}.mode`, 2, 0o1640],
  [`${at}.uid.val`, 4, 1001],
  [`${at}.gid.val`, 4, 1002],
  [`${at}.cuid.val`, 4, 1003],
  [`${at}.cgid.val`, 4, 1004],
]

/** One object is the only one of a namespace's kind: where the tree would begin, it is itself (lib/xarray.c). */
function listed(kernel: Kernel, namespace: bigint, ids: number, address: bigint): Patch {
  const head = word(kernel, namespace, 'struct ipc_namespace', `ids[${ids}].ipcs_idr.idr_rt.xa_head`)
  return [head.at, head.value, address]
}

/** A segment that is the file which pid 1's program is, a set of two semaphores, and a queue. */
function shares(kernel: Kernel): Patch[] {
  const namespace = kernel.address(HOST) ?? 0n
  const base = ((kernel.address('__log_buf') ?? 0n) + 4095n) & ~4095n
  const scratch = new Scratch(kernel, base, 8192)
  const init = kernel.symbol('init_task', 'struct task_struct').walk(object('thread_pid')).select({})
  const pid = init.address(0)
  const file = kernel.at([one(kernel)], 'struct task_struct').select({ file: 'mm->exe_file', pid: 'thread_pid' })
  const own = file.column('pid').bigint(0) ?? 0n
  forge(kernel, scratch, base, 'struct shmid_kernel', [
    ...permissions('shm_perm', 0x8000, 0x5e6d),
    ['shm_file', 8, file.column('file').bigint(0) ?? 0n],
    ['shm_segsz', 8, 65536],
    ['shm_nattch', 8, 1],
    ['shm_atim', 8, WHEN],
    ['shm_ctim', 8, WHEN - 60n],
    ['shm_cprid', 8, own],
    ['shm_lprid', 8, pid],
  ])
  const [set, queue] = [base + 1024n, base + 2048n]
  forge(kernel, scratch, set, 'struct sem_array', [
    ...permissions('sem_perm', 0x10000, 0),
    ['sem_nsems', 4, 2],
    ['sem_ctime', 8, WHEN],
    ['sems[0].sem_otime', 8, WHEN + 1n],
    ['sems[1].sem_otime', 8, WHEN + 2n],
    ['sems[1].sempid', 8, own],
  ])
  forge(kernel, scratch, queue, 'struct msg_queue', [
    ...permissions('q_perm', 0x18000, -2),
    ['q_messages.next', 8, queue],
    ['q_messages.prev', 8, queue],
    ['q_cbytes', 8, 12],
    ['q_qnum', 8, 3],
    ['q_stime', 8, WHEN],
    ['q_lspid', 8, own],
  ])
  return [
    ...scratch.patches(),
    listed(kernel, namespace, 2, base),
    listed(kernel, namespace, 0, set),
    listed(kernel, namespace, 1, queue),
  ]
}

const QUEUE = 'struct mqueue_inode_info'
const CTIME = ['vfs_inode.i_ctime_sec', 'vfs_inode.__i_ctime.tv_sec', 'vfs_inode.i_ctime.tv_sec']

/** A POSIX queue that has the name of pid 1's program, and that pid 1 has in the place of its first file. */
function posix(kernel: Kernel): Patch[] {
  const mount = word(kernel, kernel.address(HOST) ?? 0n, 'struct ipc_namespace', 'mq_mnt->mnt_sb')
  const inodes = word(kernel, mount.value, 'struct super_block', 's_inodes.next')
  const head = inodes.at
  const at = ((kernel.address('__log_buf') ?? 0n) + 4095n) & ~4095n
  const scratch = new Scratch(kernel, at, 4096)
  const places = kernel
    .at([at], QUEUE)
    .select({ inode: addressOf('vfs_inode'), link: addressOf('vfs_inode.i_sb_list') })
  const [inode, link] = [places.column('inode').bigint(0) ?? 0n, places.column('link').bigint(0) ?? 0n]
  const task = (path: string) => word(kernel, one(kernel), 'struct task_struct', path)
  const dentry = (path: string) => task(`mm->exe_file->f_path.dentry->${path}`)
  const names = kernel
    .at([task('mm->exe_file->f_path.dentry').value], 'struct dentry')
    .select({ alias: addressOf(['d_u.d_alias', 'd_alias']) })
  forge(kernel, scratch, at, QUEUE, [
    ['vfs_inode.i_mode', 2, 0o100620],
    ['vfs_inode.i_ino', 8, 4242],
    ['vfs_inode.i_uid.val', 4, 1001],
    ['vfs_inode.i_gid.val', 4, 1002],
    ['vfs_inode.i_nlink', 4, 1],
    ['vfs_inode.i_sb', 8, mount.value],
    ['vfs_inode.i_data.host', 8, inode],
    ['vfs_inode.i_dentry.first', 8, names.column('alias').bigint(0) ?? 0n],
    ['vfs_inode.i_sb_list.next', 8, inodes.value],
    ['vfs_inode.i_sb_list.prev', 8, head],
    [CTIME, 8, WHEN],
    ['attr.mq_curmsgs', 8, 2],
    ['qsize', 8, 34],
  ])
  const file = task('files->fdt->fd[0]->f_inode')
  const [own, superblock] = [dentry('d_inode'), dentry('d_sb')]
  return [
    ...scratch.patches(),
    [head, inodes.value, link],
    [inodes.value + 8n, head, link],
    [own.at, own.value, inode],
    [superblock.at, superblock.value, mount.value],
    [file.at, file.value, inode],
  ]
}

/** The address of pid 1's task. */
function one(kernel: Kernel): bigint {
  return (
    kernel.symbol('init_pid_ns', 'struct pid_namespace').select({ task: 'child_reaper' }).column('task').bigint(0) ?? 0n
  )
}

const iso = (seconds: bigint) => new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/, '')

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()
    const shared = patchedCopy(image, shares)
    const queued = patchedCopy(image, posix)

    it('has nothing where nothing is shared', () => {
      const { rows, warnings } = table('ipc', image.as('elf'))
      expect(rows).toEqual([])
      expect(warnings).toEqual([])
    })

    it('has what there is of each kind', () => {
      const { rows, warnings } = table('ipc', shared.path)
      expect(warnings).toEqual([])
      const owner = { mode: '640', uid: 1001, gid: 1002, creator_uid: 1003, creator_gid: 1004, container: null }
      expect(rows).toHaveLength(3)
      const [segment, set, queue] = rows
      expect(segment).toMatchObject({
        ...owner,
        kind: 'shared memory',
        key: '0x00005e6d',
        id: 0x8000,
        size: 65536,
        count: 1,
        processes: ['1 systemd'],
        flags: ['destroyed when detached'],
        creator_pid: 1,
        last_pid: 0,
        left: null,
      })
      expect(segment?.used).toContain(iso(WHEN))
      expect(segment?.changed).toContain(iso(WHEN - 60n))
      expect(set).toMatchObject({ ...owner, kind: 'semaphores', key: '0x00000000', id: 0x10000, count: 2, last_pid: 1 })
      expect(set?.used).toContain(iso(WHEN + 2n))
      expect(queue).toMatchObject({
        ...owner,
        kind: 'message queue',
        key: '0xfffffffe',
        id: 0x18000,
        size: 12,
        count: 3,
        last_pid: 1,
        receiver_pid: null,
        left: null,
      })
    })

    it('has a POSIX queue by its name, with who has it open', () => {
      const { rows, warnings } = partialTable('ipc', queued.path)
      // Pid 1's program has lost its name to the queue.
      expect(warnings.map(({ message }) => message)).toEqual(['left out: contradicts the objects around it'])
      expect(rows).toHaveLength(1)
      expect(rows[0]).toMatchObject({
        ...{ kind: 'posix queue', key: null, id: 4242, mode: '620', uid: 1001, gid: 1002, size: 34, count: 2 },
        name: expect.stringMatching(/\/systemd$/),
        processes: ['1 systemd'],
        flags: [],
        container: null,
      })
      expect(rows[0]?.changed).toContain(iso(WHEN))
    })
  })
}
