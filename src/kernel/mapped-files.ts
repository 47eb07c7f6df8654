/** The files of mappings: as their users see them, and what is none any more. */

import type { Batch } from './batch.js'
import { deviceName } from './device-names.js'
import type { Kernel } from './kernel.js'
import { openFile } from './objects.js'
import { dPath } from './query.js'

/** Either bit that FMODE_BACKING ever was (include/linux/fs.h): the 25th from 6.5 on, the 24th from 6.14 on. */
const MAY_BE_BACKING = (1n << 25n) | (1n << 24n)
/** FMODE_NOACCOUNT, which alloc_empty_backing_file() sets beside it and few others do. */
const NO_ACCOUNT = 1n << 29n

/** What the file of a mapping obeys, by a path from the mapping on. */
export const MAPPED_FILE = openFile('vm_file->')

/** What /proc shows of a mapping's file. */
export interface Seen {
  path: string | null
  inode: number | bigint | null
  device: string | null
}

/** The file that a mapping itself names. */
export function ownFile(found: Batch, row: number): Seen {
  return {
    path: found.column('path').text(row),
    inode: found.column('inode').exact(row),
    device: deviceName(found.column('device').number(row)),
  }
}

/** Rows whose file is none any more: what it was, nobody knows. */
export function tornFiles(kernel: Kernel, found: Batch): ReadonlySet<number> {
  const rows = rowsWhere(found, (row) => found.column('whole').number(row) === 0)
  const [first] = rows
  if (first !== undefined) {
    const message = 'what is mapped is no open file any more: it has no name here'
    const address = `0x${found.address(first).toString(16)}`
    kernel.warn({ code: 'torn', column: 'path', message, count: rows.length, address })
  }
  return new Set(rows)
}

/** Of a mapped file: what lies at the path that was opened, which until 6.7 the file itself held. */
function opened(below: string): string[] {
  return [`container_of(, struct backing_file, file)->user_path${below}`, `f_path${below}`]
}

/**
 * Files of overlayfs as their users see them. From 6.5 on what is mapped is a `struct backing_file` around the layer's own
 * file, and holds the path that was opened.
 */
export function backedFiles(kernel: Kernel, found: Batch): Map<number, Seen> {
  const has = (row: number, bits: bigint) => ((found.column('mode').bigint(row) ?? 0n) & bits) !== 0n
  const rows = rowsWhere(found, (row) => has(row, MAY_BE_BACKING))
  const [likely, unlikely] = [true, false].map((is) => rows.filter((row) => has(row, NO_ACCOUNT) === is))
  // Behind a file that is none of these lies anything, which is no news.
  return new Map([...readBacked(kernel, found, likely ?? []), ...readBacked(kernel.unheard(), found, unlikely ?? [])])
}

function readBacked(kernel: Kernel, found: Batch, rows: readonly number[]): [number, Seen][] {
  const files = rows.map((row) => found.column('file').bigint(row) ?? 0n)
  const batch = kernel.at(files, 'struct file').select({
    mount: opened('.mnt->mnt_sb'),
    superblock: opened('.dentry->d_sb'),
    path: dPath(opened('')),
    inode: opened('.dentry->d_inode->i_ino'),
    device: opened('.dentry->d_sb->s_dev'),
  })
  // The bit says other things in other kernels: a path is one when its two halves are of one file system.
  return rows.flatMap((row, index): [number, Seen][] => {
    const superblock = batch.column('superblock').bigint(index)
    return superblock !== null && superblock === batch.column('mount').bigint(index)
      ? [[row, ownFile(batch, index)]]
      : []
  })
}

/** Rows of a batch of which something holds. */
export function rowsWhere(found: Batch, holds: (row: number) => boolean): number[] {
  return Array.from({ length: found.length }, (_, row) => row).filter(holds)
}
