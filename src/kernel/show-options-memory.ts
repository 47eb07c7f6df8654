/** Options of file systems that are in memory, or show the kernel itself. The function's file is named beside each. */

import { addressOf, constantName, text } from './query.js'
import { info, octalUnless, type ShowOptions, unless, type Values, when } from './show-options.js'

/** Owner, group and mode; the mode goes without saying where it is the usual one. */
const ownership = (uid: number | null, gid: number | null, usual: number, mode: number | null) => [
  ...unless(0, 'uid', uid),
  ...unless(0, 'gid', gid),
  ...octalUnless(usual, 'mode', mode),
]

const owner = (member: (name: string) => string, below: readonly string[]) => ({
  uid: below.map((path) => member(`${path}uid.val`)),
  gid: below.map((path) => member(`${path}gid.val`)),
  mode: below.map((path) => member(`${path}mode`)),
})

const shmem = info('struct shmem_sb_info')
/** Whether it numbers its inodes in 64 bits. */
export const TMPFS_INODES = shmem('full_inums')
/** enum of shmem_format_huge(), whose first is the default. */
const HUGE = ['never', 'always', 'within_size', 'advise']

/** mm/shmem.c */
const shmem_show_options: ShowOptions = {
  select: {
    blocks: shmem('max_blocks'),
    inodes: shmem('max_inodes'),
    ...owner(shmem, ['']),
    full_inums: TMPFS_INODES,
    huge: shmem('huge'),
    policy: shmem('mpol'),
    noswap: shmem('noswap'),
    quota: ['s_dquot.flags'],
  },
  words(values, { pages, page_size, inode64 }) {
    const [blocks, inodes, huge] = [values.bigint('blocks'), values.bigint('inodes'), values.number('huge') ?? 0]
    // A policy is words of its own, and quotas too.
    if (pages === null || blocks === null || inodes === null || values.bigint('policy') || values.number('quota'))
      return null
    const mode = values.number('mode')
    const full = values.number('full_inums')
    return [
      ...when(`size=${(blocks * BigInt(page_size)) >> 10n}k`, blocks !== pages / 2n),
      ...when(`nr_inodes=${inodes}`, inodes !== pages / 2n),
      ...when(`mode=${mode?.toString(8).padStart(3, '0')}`, mode !== 0o1777),
      ...ownership(values.number('uid'), values.number('gid'), 0, null),
      ...when('inode64', full),
      ...when('inode32', full === 0 && inode64),
      ...when(`huge=${HUGE[huge] ?? huge}`, huge),
      ...when('noswap', values.number('noswap')),
    ]
  },
}

const proc = info('struct proc_fs_info')
/** From 5.8 on in words (fs/proc/root.c). */
const HIDEPID: Readonly<Record<number, string>> = { 1: 'noaccess', 2: 'invisible', 4: 'ptraceable' }

const proc_show_options: ShowOptions = {
  select: {
    gid: [proc('pid_gid.val'), '((struct pid_namespace *)s_fs_info)->pid_gid.val'],
    hides: [proc('hide_pid'), '((struct pid_namespace *)s_fs_info)->hide_pid'],
    subset: proc('pidonly'),
  },
  words(values) {
    const hides = values.number('hides') ?? 0
    // Who has subsets has words.
    const word = values.number('subset') === null ? hides : (HIDEPID[hides] ?? 'unknown')
    return [
      ...unless(0, 'gid', values.number('gid')),
      ...when(`hidepid=${word}`, hides),
      ...when('subset=pid', values.number('subset')),
    ]
  },
}

const pts = info('struct pts_fs_info')
/** NR_UNIX98_PTY_MAX (fs/devpts/inode.c). */
const MOST_TERMINALS = 1 << 20

const devpts_show_options: ShowOptions = {
  select: {
    set_uid: pts('mount_opts.setuid'),
    set_gid: pts('mount_opts.setgid'),
    ...owner(pts, ['mount_opts.']),
    ptmx: pts('mount_opts.ptmxmode'),
    most: pts('mount_opts.max'),
  },
  words(values) {
    const mode = (name: string) => values.number(name)?.toString(8).padStart(3, '0')
    return [
      ...when(`uid=${values.number('uid')}`, values.number('set_uid')),
      ...when(`gid=${values.number('gid')}`, values.number('set_gid')),
      `mode=${mode('mode')}`,
      `ptmxmode=${mode('ptmx')}`,
      ...when(`max=${values.number('most')}`, (values.number('most') ?? 0) < MOST_TERMINALS),
    ]
  },
}

/** Of a kernfs: a cgroup's hierarchy where its root directory is a cgroup's. */
const HIERARCHY = '((struct cgroup *)((struct kernfs_super_info *)s_fs_info)->root->kn->priv)->root'
/** Names of the bits of `cgroup_root.flags` (kernel/cgroup/cgroup.c, cgroup-v1.c), in the order in which they are shown. */
const V2_WORDS: Readonly<Record<string, string>> = {
  CGRP_ROOT_NS_DELEGATE: 'nsdelegate',
  CGRP_ROOT_FAVOR_DYNMODS: 'favordynmods',
  CGRP_ROOT_MEMORY_LOCAL_EVENTS: 'memory_localevents',
  CGRP_ROOT_MEMORY_RECURSIVE_PROT: 'memory_recursiveprot',
  CGRP_ROOT_MEMORY_HUGETLB_ACCOUNTING: 'memory_hugetlb_accounting',
  CGRP_ROOT_PIDS_LOCAL_EVENTS: 'pids_localevents',
}
const V1_WORDS: Readonly<Record<string, string>> = {
  CGRP_ROOT_NOPREFIX: 'noprefix',
  CGRP_ROOT_XATTR: 'xattr',
  CGRP_ROOT_CPUSET_V2_MODE: 'cpuset_v2_mode',
  CGRP_ROOT_FAVOR_DYNMODS: 'favordynmods',
}
const FLAG_BITS = Array.from({ length: 24 }, (_, bit) => bit)
/** CGRP_CPUSET_CLONE_CHILDREN (include/linux/cgroup-defs.h). */
const CLONE_CHILDREN = 1 << 1

/** What each bit is called in this kernel, for the same bit is not the same in all. */
const flagNames = Object.fromEntries(
  FLAG_BITS.map((bit) => [`flag${bit}`, constantName(`${HIERARCHY}->flags & ${2 ** bit}`, 'CGRP_ROOT_NOPREFIX')]),
)

function flagWords(values: Values, words: Readonly<Record<string, string>>): string[] {
  const names = new Set(FLAG_BITS.map((bit) => values.text(`flag${bit}`)))
  return Object.entries(words).flatMap(([name, word]) => when(word, names.has(name)))
}

const cgroup2: ShowOptions = { select: flagNames, words: (values) => flagWords(values, V2_WORDS) }

const cgroup: ShowOptions = {
  select: {
    ...flagNames,
    top: addressOf(`${HIERARCHY}->cgrp`),
    agent: text(`${HIERARCHY}->release_agent_path`),
    top_flags: `${HIERARCHY}->cgrp.flags`,
    name: text(`${HIERARCHY}->name`),
  },
  words(values, { controllers }) {
    const [agent, name, attached] = [values.text('agent'), values.text('name'), controllers(values.bigint('top') ?? 0n)]
    if (attached === null) return null
    return [
      ...attached,
      ...flagWords(values, V1_WORDS),
      ...when(`release_agent=${agent}`, agent !== ''),
      ...when('clone_children', (values.number('top_flags') ?? 0) & CLONE_CHILDREN),
      ...when(`name=${name}`, name !== ''),
    ]
  },
}

const huge = info('struct hugetlbfs_sb_info')
/** -1: no limit. */
const UNLIMITED = 2n ** 64n - 1n
const unsigned = (value: bigint | null) => BigInt.asUintN(64, value ?? UNLIMITED)

/** fs/hugetlbfs/inode.c */
const hugetlbfs_show_options: ShowOptions = {
  select: {
    ...owner(huge, ['']),
    inodes: huge('max_inodes'),
    order: huge('hstate->order'),
    most: huge('spool->max_hpages'),
    least: huge('spool->min_hpages'),
  },
  words(values, { page_size }) {
    const size = BigInt(page_size) << BigInt(Math.min(values.number('order') ?? 0, 52))
    const kilobytes = size >> 10n
    const limit = (name: string, pages: bigint) => when(`${name}=${pages * size}`, pages !== UNLIMITED)
    const inodes = unsigned(values.bigint('inodes'))
    return [
      ...ownership(values.number('uid'), values.number('gid'), 0o755, values.number('mode')),
      ...when(`nr_inodes=${inodes}`, inodes !== UNLIMITED),
      kilobytes >= 1024n ? `pagesize=${kilobytes >> 10n}M` : `pagesize=${kilobytes}K`,
      ...limit('size', unsigned(values.bigint('most'))),
      ...limit('min_size', unsigned(values.bigint('least'))),
    ]
  },
}

const autofs = info('struct autofs_sb_info')
/** AUTOFS_TYPE_DIRECT and AUTOFS_TYPE_OFFSET (include/uapi/linux/auto_fs.h). */
const AUTOFS_TYPES: Readonly<Record<number, string>> = { 2: 'direct', 4: 'offset' }

/** fs/autofs/inode.c */
const autofs_show_options: ShowOptions = {
  select: {
    pipe: autofs('pipefd'),
    uid: 's_root->d_inode->i_uid.val',
    gid: 's_root->d_inode->i_gid.val',
    group: autofs('oz_pgrp->numbers[0].nr'),
    timeout: autofs('exp_timeout'),
    least: autofs('min_proto'),
    most: autofs('max_proto'),
    type: autofs('type'),
    flags: autofs('flags'),
    pipe_inode: autofs('pipe->f_inode->i_ino'),
  },
  words(values, { hz, has }) {
    const [timeout, flags] = [values.number('timeout') ?? 0, values.number('flags') ?? 0]
    if (values.number('pipe') === null || (timeout !== 0 && hz === null)) return null
    return [
      `fd=${values.number('pipe')}`,
      ...ownership(values.number('uid'), values.number('gid'), 0, null),
      `pgrp=${values.number('group')}`,
      `timeout=${Math.floor(timeout / (hz ?? 1))}`,
      `minproto=${values.number('least')}`,
      `maxproto=${values.number('most')}`,
      AUTOFS_TYPES[values.number('type') ?? 0] ?? 'indirect',
      ...when('strictexpire', flags & 2),
      ...when('ignore', flags & 4),
      // These timers are there with the same option of the kernel's build, CONFIG_CHECKPOINT_RESTORE.
      ...when(`pipe_ino=${values.number('pipe_inode') ?? -1}`, has('proc_timers_operations')),
    ]
  },
}

const bpf = info('struct bpf_mount_opts')

/** kernel/bpf/inode.c */
const bpf_show_options: ShowOptions = {
  select: {
    mode: 's_root->d_inode->i_mode',
    uid: bpf('uid.val'),
    gid: bpf('gid.val'),
    commands: bpf('delegate_cmds'),
    maps: bpf('delegate_maps'),
    programs: bpf('delegate_progs'),
    attachments: bpf('delegate_attachs'),
  },
  words(values) {
    // What is delegated is told in words that are not the same in all kernels.
    if (['commands', 'maps', 'programs', 'attachments'].some((name) => values.bigint(name))) return null
    const mode = (values.number('mode') ?? 0) & 0o6777
    return ownership(values.number('uid'), values.number('gid'), 0o777, mode)
  },
}

/** ramfs, debugfs and tracefs: what is set in their own mount options, or, in newer kernels, beside them. */
function plain(type: string, usual: number, owned: boolean): ShowOptions {
  const member = info(type)
  const { uid, gid, mode } = owner(member, ['mount_opts.', ''])
  return {
    select: owned ? { uid, gid, mode } : { mode },
    words: (values) =>
      ownership(owned ? values.number('uid') : 0, owned ? values.number('gid') : 0, usual, values.number('mode')),
  }
}

/** CONFIG_PSTORE_DEFAULT_KMSG_BYTES, unless its distribution has another. */
const KMSG_BYTES = 10240

/** fs/pstore/inode.c */
const pstore_show_options: ShowOptions = {
  select: { bytes: 'symbol(unsigned long kmsg_bytes)' },
  words: (values) => unless(KMSG_BYTES, 'kmsg_bytes', values.number('bytes')),
}

const efivarfs = info('struct efivarfs_fs_info')
const efivarfs_show_options: ShowOptions = {
  select: { uid: efivarfs('mount_opts.uid.val'), gid: efivarfs('mount_opts.gid.val') },
  words: (values) => ownership(values.number('uid'), values.number('gid'), 0, null),
}

export const MEMORY_OPTIONS = {
  shmem_show_options,
  proc_show_options,
  devpts_show_options,
  'kernfs_sop_show_options of cgroup': cgroup,
  'kernfs_sop_show_options of cgroup2': cgroup2,
  // Of kernfs, only cgroups and resctrl have options.
  'kernfs_sop_show_options of sysfs': { select: {}, words: () => [] },
  hugetlbfs_show_options,
  autofs_show_options,
  bpf_show_options,
  ramfs_show_options: plain('struct ramfs_fs_info', 0o755, false),
  tracefs_show_options: plain('struct tracefs_fs_info', 0o700, true),
  debugfs_show_options: plain('struct debugfs_fs_info', 0o700, true),
  pstore_show_options,
  efivarfs_show_options,
} satisfies Readonly<Record<string, ShowOptions>>
