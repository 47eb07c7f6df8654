/**
 * What every object of a type obeys, dead or alive. An address that a list names is an object only when it passes: on
 * memory that was taken while the host went on, lists lead into pages that hold something else by now.
 *
 * A rule whose members a kernel lacks says nothing there, and neither does one whose path ends at a NULL pointer.
 */

import type { Paths, Rule, Test } from './rule.js'

/** A connection that is tracked, and what hangs in the hash table of each of its directions. */
export const NF_CONN = 'struct nf_conn'
export const TUPLE_HASH = 'struct nf_conntrack_tuple_hash'

/** What a task is, a process's or a thread's. */
export const TASK_STRUCT = 'struct task_struct'

/** What a descriptor stands for. */
export const FILE = 'struct file'

/** What a module is. */
export const MODULE = 'struct module'
/** A network namespace. */
export const NET = 'struct net'
/** An interface of one. */
export const NET_DEVICE = 'struct net_device'

/** A socket, and what it has in common with what stands for one in the table of connections. */
export const SOCK = 'struct sock'
export const SOCK_COMMON = 'struct sock_common'

/** What processes may share by System V's means is of one. */
export const IPC_NAMESPACE = 'struct ipc_namespace'

/** What a key is. */
export const KEY = 'struct key'

/** What a terminal is. */
export const TTY_STRUCT = 'struct tty_struct'

/** A screen that the kernel draws on itself. */
export const FB_INFO = 'struct fb_info'

/** PID_MAX_LIMIT on 64-bit kernels (include/linux/threads.h). */
const PID_MAX = 4 * 1024 * 1024
/** MAX_PRIO (include/linux/sched/prio.h); the idle task has it. */
const PRIO_MAX = 140
/** MODULE_STATE_UNFORMED (include/linux/module.h). */
const STATE_MAX = 3
/** KEY_POS_ALL and its like for user, group and others (include/linux/key.h). */
const KEY_ALL = 0x3f3f3f3f
/** NAME_MAX (include/uapi/linux/limits.h). */
const NAME_MAX = 255

const all = (is: Test, paths: readonly Paths[]): Rule[] => paths.map((path) => ({ path, is }))

const task: readonly Rule[] = [
  // A task is scheduled by one of the classes in the kernel's own data, from its first moment to its last.
  { path: 'sched_class', is: 'image' },
  { path: 'stack', is: 'stack' },
  ...all({ at_most: PID_MAX }, ['pid', 'tgid']),
  { path: 'prio', is: { at_most: PRIO_MAX } },
  ...all('pointer', ['real_parent', 'group_leader']),
  ...all('pointer_or_null', ['mm', 'cred', 'real_cred', 'signal', 'sighand', 'files', 'nsproxy']),
  { path: 'comm', is: 'text' },
]

const dentry: readonly Rule[] = [
  { path: 'd_name.len', is: { at_most: NAME_MAX } },
  { path: 'd_sb', is: 'pointer' },
  { path: 'd_inode->i_sb', is: { equals: 'd_sb' } },
  { path: '', is: 'name_hash' },
]

/** Both directions are of one family and protocol, and know which they are. */
const connection: readonly Rule[] = [
  // IPS_DYING (include/uapi/linux/netfilter/nf_conntrack_common.h): on its way out of the table, and into nobody's.
  { path: 'status & 0x200', is: { at_most: 0 } },
  { path: 'ct_net.net->ns.ops', is: { symbol: 'netns_operations' } },
  { path: 'tuplehash[0].tuple.dst.dir', is: { at_most: 0 } },
  { path: 'tuplehash[1].tuple.dst.dir', is: { at_least: 1 } },
  { path: 'tuplehash[1].tuple.dst.dir', is: { at_most: 1 } },
  { path: 'tuplehash[0].tuple.src.l3num', is: { at_least: 1 } },
  { path: 'tuplehash[1].tuple.src.l3num', is: { equals: 'tuplehash[0].tuple.src.l3num' } },
  { path: 'tuplehash[1].tuple.dst.protonum', is: { equals: 'tuplehash[0].tuple.dst.protonum' } },
]

/** AF_MAX (include/linux/socket.h), with room for more. */
const FAMILY_MAX = 64

/** What every socket has, from its first bytes on. */
const socket = (at: string): readonly Rule[] => [
  { path: `${at}skc_net.net->ns.ops`, is: { symbol: 'netns_operations' } },
  { path: `${at}skc_net.net`, is: 'pointer' },
  { path: `${at}skc_prot`, is: 'pointer' },
  { path: `${at}skc_family`, is: { at_most: FAMILY_MAX } },
  // What is in a table, on a list or open is held.
  { path: `${at}skc_refcnt.refs.counter`, is: { at_least: 1 } },
]

/** What every open file has, from where it lies on. */
export const openFile = (at: string): readonly Rule[] => [
  // Somebody holds it: from 6.13 on it is free when the uppermost bit is set (include/linux/file_ref.h), before at zero.
  { path: [`${at}f_ref.refcnt.counter >> 63`, `${at}f_count.counter - 1 >> 63`], is: { at_most: 0 } },
  ...all('pointer', [`${at}f_op`, `${at}f_inode`, `${at}f_path.dentry`, `${at}f_path.mnt`]),
]

/** Of what processes share: what is being destroyed is marked before it is taken off (ipc_rmid()). */
const shared: Readonly<Record<string, readonly Rule[]>> = {
  [IPC_NAMESPACE]: [{ path: 'ns.ops', is: { symbol: 'ipcns_operations' } }],
  'struct kern_ipc_perm': [{ path: 'deleted', is: { at_most: 0 } }],
}

/** Of networks. */
const network: Readonly<Record<string, readonly Rule[]>> = {
  [NET]: [{ path: 'ns.ops', is: { symbol: 'netns_operations' } }],
  [NET_DEVICE]: [...all('pointer', ['netdev_ops', 'nd_net.net']), { path: 'name', is: 'text' }],
  [SOCK_COMMON]: socket(''),
  [SOCK]: socket('__sk_common.'),
  'struct neighbour': all('pointer', ['tbl', 'dev']),
  'struct fib_alias': [
    { path: 'fa_info', is: 'pointer' },
    { path: 'fa_slen', is: { at_most: 32 } },
  ],
  'struct fib6_node': [{ path: 'fn_bit', is: { at_most: 128 } }],
  // That which stands for no route is of no table.
  'struct fib6_info': [
    { path: 'fib6_table', is: 'pointer_or_null' },
    { path: 'fib6_dst.plen', is: { at_most: 128 } },
  ],
}

const objects: Readonly<Record<string, readonly Rule[]>> = {
  [TASK_STRUCT]: task,
  'struct dentry': dentry,
  // From SIGHUP to the last of the real-time signals.
  'struct sigqueue': [
    { path: 'info.si_signo', is: { at_least: 1 } },
    { path: 'info.si_signo', is: { at_most: 64 } },
  ],
  // The css of a cgroup itself leads back to it, and so does the directory that shows it.
  'struct cgroup': [
    { path: 'self.cgroup', is: 'own' },
    { path: 'kn->priv', is: 'own' },
  ],
  // A reader of mountinfo leaves a cursor on the list, which has none of these.
  'struct mount': all('pointer_or_null', ['mnt_parent', 'mnt_mountpoint', 'mnt.mnt_root', 'mnt.mnt_sb']),
  // The pages of an inode are its own, whoever else shows them.
  'struct inode': [{ path: 'i_data.host', is: 'own' }],
  [FILE]: openFile(''),
  // What is locked has a file, whose inode has a place for its locks.
  'struct file_lock': [
    { path: ['fl_file', 'c.flc_file'], is: 'pointer' },
    { path: ['fl_file->f_inode->i_flctx', 'c.flc_file->f_inode->i_flctx'], is: 'pointer' },
  ],
  'struct fsnotify_mark': [{ path: 'group', is: 'pointer_or_null' }],
  'struct mnt_namespace': [{ path: 'ns.ops', is: { symbol: 'mntns_operations' } }],
  'struct css_set': [
    { path: 'refcount.refs.counter', is: { at_least: 1 } },
    { path: 'dfl_cgrp->self.cgroup', is: { equals: 'dfl_cgrp' } },
  ],
  [NF_CONN]: connection,
  [TUPLE_HASH]: all({ at_most: 1 }, ['tuple.dst.dir']),
  ...network,
  ...shared,
  'struct user_namespace': [{ path: 'ns.ops', is: { symbol: 'userns_operations' } }],
  // One that is taken off its list keeps all of these.
  [MODULE]: [
    { path: 'name', is: 'text' },
    { path: 'state', is: { at_most: STATE_MAX } },
    ...all('pointer', [['mem[MOD_DATA].base', 'core_layout.base']]),
    ...all('pointer_or_null', ['kp', 'args', 'version', 'srcversion', 'kallsyms']),
  ],
  // What frees a program or changes its size keeps this link (kernel/bpf/core.c).
  'struct bpf_prog': [{ path: 'aux->prog', is: 'own' }],
  // Its program knows that it is one.
  'struct seccomp_filter': [
    { path: 'prog', is: 'pointer' },
    { path: 'prog->aux->prog', is: { equals: 'prog' } },
    { path: 'prev', is: 'pointer_or_null' },
  ],
  // Where a program or a trampoline lies, and what kallsyms calls it.
  'struct bpf_ksym': [
    { path: 'start >> 56', is: { at_least: 0xff } },
    { path: 'name', is: 'text' },
  ],
  'struct bpf_map': [{ path: 'ops', is: 'image' }],
  'struct bpf_link': [{ path: 'ops', is: 'image' }],
  [KEY]: [{ path: 'perm', is: { at_most: KEY_ALL } }, ...all('pointer', ['type', 'user'])],
  [TTY_STRUCT]: [{ path: 'name', is: 'text' }, ...all('pointer', ['driver', 'ops'])],
  // A pixel has bits, and no more than a word of its colours' (drivers/video/fbdev/core/fbmem.c).
  [FB_INFO]: [
    { path: 'fbops', is: 'pointer' },
    { path: 'var.bits_per_pixel', is: { at_least: 1 } },
    { path: 'var.bits_per_pixel', is: { at_most: 32 } },
  ],
  'struct ns_common': [{ path: 'ops', is: 'image' }],
  'struct kmem_cache': [
    { path: 'size', is: { at_least: 1 } },
    { path: 'object_size', is: { at_least: 1 } },
  ],
  'struct pid': [{ path: 'numbers[0].ns', is: { symbol: 'init_pid_ns' } }],
}

/** The rules of a type, with or without its module; none where nothing is known of it. */
export function rulesOf(type: string): readonly Rule[] {
  return objects[type.slice(type.indexOf(':') + 1)] ?? []
}

/** For a walk from a dentry to its children. */
export const CHILD: Rule = { path: 'd_parent', is: 'origin' }
