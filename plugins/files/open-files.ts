import { address, bytes, count, defineAnalyzer, flag, integer, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readDescriptors } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'open-files',
  aliases: ['lsof', 'fds', 'handles'],
  summary: 'Descriptors of every process: files, sockets, pipes and what else the kernel lends',
  description:
    'As /proc/PID/fd and fdinfo show them. A path is what the process itself would see, from its own root; one that ends ' +
    'in (deleted) was unlinked and is held open.',
  torn: 'a descriptor that was open throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor open-files memory.elf --pid 236', what: 'what one process has open' },
    { command: 'salvor open-files memory.elf --container shop-web-1 --wide', what: 'one container, with all columns' },
  ],
  key: ['pid', 'fd'],
  columns: {
    address: address('Address of the struct file', { detail: true }),
    ...memberColumns,
    fd: integer('Descriptor'),
    type: text('file, directory, character, block, fifo, socket, pipe, eventfd, eventpoll, memfd, namespace, anon …'),
    path: text('Where its link in /proc/PID/fd points', { meaning: 'path' }),
    inode: integer('Inode', { meaning: 'inode', detail: true }),
    device: text('Device of its file system, as major:minor', { detail: true }),
    flags: text('Flags in octal, as fdinfo has them', { detail: true }),
    position: integer('Where it is read or written next', { detail: true }),
    size: bytes('Size', { detail: true }),
    links: count('Names that the inode has', { detail: true }),
    deleted: flag('Whether its name is gone', { detail: true }),
    mount_id: integer('Id of the mount it was opened on', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    yield readDescriptors(kernel, [...members.keys()]).flatMap(({ task, ...descriptor }) => {
      const member = members.get(task)
      return member === undefined ? [] : [Object.assign(descriptor, member)]
    })
  },
})
