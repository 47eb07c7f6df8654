/** Operations of file systems and of what processes have open (include/linux/fs.h). */

import { readHolders } from '../bpf/holders.js'
import type { Kernel } from '../kernel.js'
import { text } from '../query.js'
import type { Rule } from '../rule.js'
import type { Pointer } from './pointer.js'
import { type Found, tablePointers } from './tables.js'

const FILES = {
  open: 'open',
  read: 'read',
  read_iter: 'read_iter',
  write: 'write',
  write_iter: 'write_iter',
  iterate_shared: 'iterate_shared',
  ioctl: 'unlocked_ioctl',
  mmap: 'mmap',
  poll: 'poll',
  llseek: 'llseek',
  release: 'release',
}
const INODES = { lookup: 'lookup', permission: 'permission', getattr: 'getattr', create: 'create', unlink: 'unlink' }
const SUPERS = { statfs: 'statfs', show_options: 'show_options', drop_inode: 'drop_inode', evict_inode: 'evict_inode' }

/** The root of a file system is of it and in use: what frees an inode lies where its operations were. */
const WHOLE: readonly Rule[] = [
  { path: 's_root->d_inode->i_count.counter', is: { at_least: 1 } },
  { path: 's_root->d_sb', is: 'own' },
  { path: 's_root->d_inode->i_sb', is: 'own' },
]

export function operationPointers(kernel: Kernel): Pointer[] {
  const roots = kernel
    .list('super_blocks', 'struct super_block', 's_list')
    .obeying(WHOLE)
    .select({
      name: text('s_type->name', 64),
      supers: 's_op',
      files: 's_root->d_inode->i_fop',
      inodes: 's_root->d_inode->i_op',
    })
  const of = (column: 'supers' | 'files' | 'inodes'): Found[] =>
    Array.from({ length: roots.length }, (_, row) => ({
      table: roots.column(column).bigint(row) ?? 0n,
      name: roots.column('name').text(row),
    }))
  const open = [...readHolders(kernel).operations].map((table) => ({ table, name: null }))
  return [
    ...tablePointers(kernel, 'file operations', 'struct file_operations', FILES, [...of('files'), ...open]),
    ...tablePointers(kernel, 'inode operations', 'struct inode_operations', INODES, of('inodes')),
    ...tablePointers(kernel, 'super operations', 'struct super_operations', SUPERS, of('supers')),
  ]
}
