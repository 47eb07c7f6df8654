/** Programs that processes run from memory: `mm->exe_file` of a memfd or of a file system for shared memory. */

import type { Kernel } from './kernel.js'
import { sealedBy } from './mappings.js'
import { TASK_STRUCT } from './objects.js'
import { optional, text } from './query.js'

/** A file of memfd_create, as the kernel names it (mm/memfd.c); file systems that live in memory. */
const IN_MEMORY = /^\/?memfd:|^\/dev\/shm\/|^\/run\/shm\//

export interface MemoryProgram {
  /** Of the task that runs it. */
  task: bigint
  /** Of the task that started it, or took it over. */
  parent: bigint
  inode: bigint
  size: bigint
  /** Whether nobody can change it any more (mm/memfd.c); null where it is of no memfd, or that cannot be read. */
  sealed: boolean | null
}

/** Of tasks with the paths of their programs. */
export function readMemoryPrograms(
  kernel: Kernel,
  tasks: readonly { address: bigint; exe: string | null }[],
): MemoryProgram[] {
  const asked = tasks.filter(({ exe }) => IN_MEMORY.test(exe ?? ''))
  const batch = kernel
    .at(
      asked.map(({ address }) => address),
      TASK_STRUCT,
    )
    .select({
      parent: 'real_parent',
      inode: 'mm->exe_file->f_inode',
      size: 'mm->exe_file->f_inode->i_size',
      filesystem: text('mm->exe_file->f_inode->i_sb->s_type->name', 32),
      seals: optional('container_of(mm->exe_file->f_inode, struct shmem_inode_info, vfs_inode)->seals'),
    })
  return Array.from({ length: batch.length }, (_, row): MemoryProgram[] => {
    const [parent, inode] = [batch.column('parent').bigint(row), batch.column('inode').bigint(row)]
    const size = batch.column('size').bigint(row)
    if (parent === null || !inode || size === null) return []
    // A file on a disk may bear any name, and has no seals.
    const seals = batch.column('filesystem').text(row) === 'tmpfs' ? batch.column('seals').number(row) : null
    return [{ task: batch.address(row), parent, inode, size, sealed: sealedBy(seals) }]
  }).flat()
}
