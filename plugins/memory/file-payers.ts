import { address, bytes, defineAnalyzer, flag, integer, text } from 'salvor'
import { filePayments, payerColumns } from 'salvor/containers'

export default defineAnalyzer({
  name: 'file-payers',
  aliases: ['page-cache-owners'],
  summary: 'Who paid for what is cached of each file: whose process brought it into memory',
  description:
    'One row for each file and cgroup that pays for pages of it. The kernel charges a page of a file to the process that is ' +
    'the first to read or write it, and leaves it at that: a file of the host that a container pays for was read from in ' +
    'there. Of an overlay it is the file of the layer. What no cgroup pays for is left out.',
  torn: 'charges are of the moments at which their pages were written.',
  examples: [
    { command: 'salvor file-payers memory.elf --container toolbox', what: 'what one container brought into memory' },
    { command: 'salvor file-payers memory.elf --where path=/etc/shadow', what: 'who read one file first' },
  ],
  key: ['device', 'inode', 'cgroup', 'cgroup_id'],
  columns: {
    address: address('Address of the struct inode', { detail: true }),
    path: text('Path as the host sees it; that within its file system where it is mounted nowhere', {
      meaning: 'path',
    }),
    on_host: flag('Whether the host has its file system mounted: else the path is within that', { detail: true }),
    inode: integer('Inode', { meaning: 'inode', detail: true }),
    device: text('Device of its file system, as major:minor', { detail: true }),
    ...payerColumns,
    cgroup_id: integer('Inode of the directory of that cgroup: one that was removed may have had the same path', {
      detail: true,
    }),
    bytes: bytes('How much of it they paid for'),
  },
  *run({ kernel }) {
    yield filePayments(kernel)
  },
})
