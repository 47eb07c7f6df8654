/** Namespaces that something holds: files of the file system of namespaces, open or mounted somewhere (fs/nsfs.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { TASK_STRUCT } from './objects.js'
import { addressOf, array, chain, dPath, firstOf, index, list, type Nested, type Selects, symbolAt } from './query.js'

/** A namespace that is held. */
export interface HeldNamespace {
  /** Of its `struct ns_common`. */
  address: bigint
  /** mnt, pid, net and so on. */
  type: string
  inode: number
}

/** One that a process holds by a descriptor. */
export interface OpenNamespace extends HeldNamespace {
  /** Of the process's `task_struct`. */
  task: bigint
  fd: number
}

/** One that is mounted. */
export interface MountedNamespace extends HeldNamespace {
  /** Where, as seen from the root of that mount namespace. */
  target: string
}

/** Operations of namespaces, by which the type of each is known (fs/proc/namespaces.c). */
const OPERATIONS = /^(mnt|pid|net|uts|ipc|user|cgroup|time)ns_operations$/

/** What a file of a namespace says of it, from where its inode is. */
function namespaceAt(inode: string) {
  const namespace = `((struct ns_common *)${inode}->i_private)`
  return {
    namespace: `${inode}->i_private`,
    inode: `${namespace}->inum`,
    operations: symbolAt(`${namespace}->ops`),
  } satisfies Selects
}

const NAMESPACE = 'struct ns_common'

/** The same of a namespace itself. */
const SELF = { namespace: addressOf(''), inode: 'inum', operations: symbolAt('ops') } satisfies Selects

const OPEN = {
  walk: array('files->fdt->fd', { count: 'files->fdt->max_fds', pointers: true, type: 'struct file' }),
  rules: [{ path: 'f_op', is: { symbol: 'ns_file_operations' } }],
  select: { fd: index(), ...namespaceAt('f_inode') },
} satisfies Nested

/** All mounts of a file system: a list, from 6.18 on a chain of the same name. */
const MOUNTED = firstOf(
  chain('mnt_sb->s_mounts', 'struct mount', 'mnt_next_for_sb'),
  list('mnt_sb->s_mounts', 'struct mount', 'mnt_instance'),
)

/** Namespaces that some processes have open. */
export function openNamespaces(kernel: Kernel, tasks: readonly bigint[]): OpenNamespace[] {
  // That most of their files are no namespaces is no news.
  const owners = kernel.unheard().at(tasks, TASK_STRUCT).select({}, { files: OPEN })
  const files = owners.child('files')
  return Array.from({ length: files.length }, (_, row) => {
    const held = heldAt(files, row)
    const fd = files.column('fd').number(row)
    return held === null || fd === null ? [] : [{ ...held, task: owners.address(files.parents[row] ?? 0), fd }]
  }).flat()
}

/** Namespaces that are mounted somewhere, with where; the file system of namespaces itself is mounted nowhere. */
export function mountedNamespaces(kernel: Kernel): MountedNamespace[] {
  if (kernel.address('nsfs_mnt') === null) return []
  const mounts = kernel
    .symbol('nsfs_mnt', 'struct vfsmount *')
    .walk(MOUNTED)
    .select({ target: dPath('mnt'), ...namespaceAt('mnt.mnt_root->d_inode') })
  return Array.from({ length: mounts.length }, (_, row) => {
    const held = heldAt(mounts, row)
    return held === null ? [] : [{ ...held, target: mounts.column('target').text(row) ?? '?' }]
  }).flat()
}

function heldAt(batch: Batch<typeof SELF> | Batch<ReturnType<typeof namespaceAt>>, row: number): HeldNamespace | null {
  const [, type] = OPERATIONS.exec(batch.column('operations').text(row) ?? '') ?? []
  const [address, inode] = [batch.column('namespace').bigint(row), batch.column('inode').number(row)]
  return type === undefined || address === null || inode === null ? null : { address, type, inode }
}

/** Types by the trees in which the kernel keeps all of them from 6.18 on, whoever is in them (kernel/nstree.c). */
const TREES = ['mnt', 'pid', 'net', 'uts', 'ipc', 'user', 'cgroup', 'time'].map((type) => `${type}_ns_tree`)

/** Namespaces that the kernel itself lists; none before it did. */
export function listedNamespaces(kernel: Kernel): HeldNamespace[] {
  const trees = TREES.flatMap((symbol) => kernel.address(symbol) ?? [])
  const found = [
    ['struct ns_tree_root', list('ns_list_head', NAMESPACE, 'ns_tree_node.ns_list_entry')],
    // 6.18 alone.
    ['struct ns_tree', list('ns_list', NAMESPACE, 'ns_list_node')],
  ] as const
  for (const [type, walk] of found) {
    const listed = kernel.attempt(() => kernel.at(trees, type).walk(walk).select(SELF))
    if (listed !== null) return Array.from({ length: listed.length }, (_, row) => heldAt(listed, row) ?? []).flat()
  }
  return []
}
