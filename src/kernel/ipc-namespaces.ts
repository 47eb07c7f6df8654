/** Namespaces of what processes share, and who shares it. */

import { append } from '../append.js'
import type { Batch } from './batch.js'
import { OPEN_FILES } from './descriptors.js'
import { listedNamespaces, mountedNamespaces, openNamespaces } from './held-namespaces.js'
import type { Kernel } from './kernel.js'
import { MAPPINGS, OF_MEMORY } from './mappings.js'
import { IPC_NAMESPACE, rulesOf, TASK_STRUCT } from './objects.js'
import { addressOf, type Nested, obeys, type Selects } from './query.js'

/** Every namespace that is one, each once. */
export function ipcNamespaces(kernel: Kernel, processes: readonly bigint[]): bigint[] {
  const own = kernel.at(processes, TASK_STRUCT).select({ namespace: 'nsproxy->ipc_ns' })
  const held = [...openNamespaces(kernel, processes), ...mountedNamespaces(kernel), ...listedNamespaces(kernel)]
  const inside = held.filter(({ type }) => type === 'ipc').map(({ address }) => address)
  const around = kernel
    .at(new Set(inside), 'struct ns_common')
    .select({ namespace: addressOf(`container_of(, ${IPC_NAMESPACE}, ns)`) })
  const all = new Set([
    ...kernel.addresses('init_ipc_ns'),
    ...[own, around].flatMap((batch) =>
      Array.from({ length: batch.length }, (_, row) => batch.column('namespace').bigint(row) ?? 0n),
    ),
  ])
  // A process that ends has none any more.
  all.delete(0n)
  const checked = kernel.at(all, IPC_NAMESPACE).select({ sound: obeys(rulesOf(IPC_NAMESPACE)) })
  return [...checked.addresses].filter((_, row) => checked.column('sound').number(row) === 1)
}

/** Tasks by the inodes of the segments in their memory. */
export function mappedBy(kernel: Kernel, processes: readonly bigint[]): Map<bigint, bigint[]> {
  const select = { inode: 'vm_file->f_inode' }
  return usersOf(
    kernel.at(processes, TASK_STRUCT).select({}, { files: { walk: MAPPINGS, rules: [OF_MEMORY], select } }),
  )
}

/** Tasks by the inodes of the files that they have open. */
export function openedBy(kernel: Kernel, processes: readonly bigint[]): Map<bigint, bigint[]> {
  const select = { inode: 'f_inode' }
  return usersOf(kernel.at(processes, TASK_STRUCT).select({}, { files: { walk: OPEN_FILES, select } }))
}

function usersOf(owners: Batch<Selects, { files: Nested & { select: { inode: string } } }>): Map<bigint, bigint[]> {
  const users = new Map<bigint, bigint[]>()
  const files = owners.child('files')
  for (const [row, owner] of files.parents.entries()) {
    const inode = files.column('inode').bigint(row)
    if (inode !== null && inode !== 0n) append(users, inode, owners.address(owner))
  }
  return users
}
