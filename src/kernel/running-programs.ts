/** Files that processes run as programs, `mm->exe_file`, and what keeps them as they are. */

import type { Kernel } from './kernel.js'
import { sealedBy } from './mappings.js'
import { TASK_STRUCT } from './objects.js'
import { contentsInode } from './overlay-inodes.js'
import { optional, text } from './query.js'

/** A file of memfd_create, as the kernel names it (mm/memfd.c); file systems that live in memory. */
export const IN_MEMORY = /^\/?memfd:|^\/dev\/shm\/|^\/run\/shm\//

export interface RunningProgram {
  /** Of the task that runs it. */
  task: bigint
  /** Of the task that started it, or took it over. */
  parent: bigint
  /** Of an overlay's file, where its contents are. */
  inode: bigint
  size: bigint
  /** Whether nobody can change it any more (mm/memfd.c); null where it is of no memfd, or that cannot be read. */
  sealed: boolean | null
}

/** Those of some tasks; what cannot be read is left out. */
export function readPrograms(kernel: Kernel, tasks: readonly bigint[]): RunningProgram[] {
  const batch = kernel.at(tasks, TASK_STRUCT).select({
    parent: 'real_parent',
    inode: 'mm->exe_file->f_inode',
    size: 'mm->exe_file->f_inode->i_size',
    filesystem: text('mm->exe_file->f_inode->i_sb->s_type->name', 32),
    seals: optional('container_of(mm->exe_file->f_inode, struct shmem_inode_info, vfs_inode)->seals'),
  })
  return Array.from({ length: batch.length }, (_, row): RunningProgram[] => {
    const [parent, inode] = [batch.column('parent').bigint(row), batch.column('inode').bigint(row)]
    const size = batch.column('size').bigint(row)
    if (parent === null || !inode || size === null) return []
    const filesystem = batch.column('filesystem').text(row)
    // A file on a disk may bear any name, and has no seals.
    const sealed = sealedBy(filesystem === 'tmpfs' ? batch.column('seals').number(row) : null)
    const contents = filesystem === 'overlay' ? contentsInode(kernel, inode) : inode
    return [{ task: batch.address(row), parent, inode: contents, size, sealed }]
  }).flat()
}
