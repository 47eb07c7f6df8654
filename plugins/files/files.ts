import { address, bytes, count, defineAnalyzer, flag, integer, text, time } from 'salvor'
import { containerColumns, fileRows } from 'salvor/containers'

export default defineAnalyzer({
  name: 'files',
  aliases: ['pagecache', 'dentry-cache', 'fls'],
  summary: 'Files that the kernel has in memory by a name, deleted ones too, with times and what is cached of each',
  description:
    'Inodes of file systems on disks and in memory that have a dentry, file system by file system, newest first within ' +
    "each. A path is the host's where the host sees the file, the container's own for what lies on its overlay, and that " +
    'within the file system where no mount shows it. A file of an overlay is there twice: as its container sees it, and ' +
    'in the layer that holds its contents.',
  torn: 'a file that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor files memory.elf --container corp-batch', what: 'files of one container that are in memory' },
    {
      command: 'salvor files memory.elf --columns path,size,born,deleted',
      what: 'all files, with when they were made',
    },
  ],
  key: ['device', 'inode', 'path'],
  columns: {
    address: address('Address of the struct inode', { detail: true }),
    ...containerColumns,
    container: text('Id of the container on whose overlay or volume it is', { meaning: 'container' }),
    mount_id: integer('Id of the mount that shows it at its path', { detail: true }),
    path: text('Path; without a mount, that within its file system', { meaning: 'path' }),
    type: text('file, directory, symlink, character, block, fifo or socket', { detail: true }),
    inode: integer('Inode', { meaning: 'inode', detail: true }),
    device: text('Device of its file system, as major:minor', { detail: true }),
    size: bytes('Size'),
    mode: text('Type and permissions, as ls shows them', { detail: true }),
    uid: integer('Owner', { detail: true }),
    gid: integer('Group', { detail: true }),
    links: count('Names that it has', { detail: true }),
    accessed: time('When it was last read, as far as its file system keeps that', { detail: true }),
    modified: time('When its contents were last changed'),
    changed: time('When its contents or its inode were last changed', { detail: true }),
    born: time('When it was made; null where its file system does not say so', { detail: true }),
    cached_bytes: bytes('Bytes of its contents that are in memory, in whole pages'),
    layer: text(
      'Of a file on an overlay: upper where the container has made or changed it, lower where it is the image’s',
      {
        detail: true,
      },
    ),
    deleted: flag('Whether its name is gone'),
  },
  async *run({ kernel }) {
    for (const rows of fileRows(kernel)) yield rows.map(({ superblock, contents, rdev, inner, ...row }) => row)
  },
})
