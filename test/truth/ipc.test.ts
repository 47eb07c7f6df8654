/** What processes share. The guests shared nothing by these means: copies of their memory are given some of it. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { object, type Paths } from '../../dist/src/kernel/query.js'
import { sharedImages, table } from './images.js'
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
  })
}
