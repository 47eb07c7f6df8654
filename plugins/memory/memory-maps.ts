import { address, defineAnalyzer, integer, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readMappings } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'memory-maps',
  aliases: ['maps', 'proc-maps', 'vmmap'],
  summary: 'Mappings of every process, as /proc/PID/maps shows them',
  description:
    'The heap, stacks, the pages that the kernel lends (`[vdso]`, `[vvar]`) and named anonymous memory too. Of a file ' +
    'on overlayfs it is the one that the process sees.',
  torn: 'a mapping that its process kept throughout is one row; the tree of a process that was just mapping may be torn, and says so.',
  examples: [
    { command: 'salvor memory-maps memory.elf --pid 236', what: 'the mappings of one process' },
    {
      command: 'salvor memory-maps memory.elf --container 018e0db6fd22',
      what: 'those of all processes of a container',
    },
  ],
  columns: {
    address: address('Address of the vm_area_struct', { detail: true }),
    ...memberColumns,
    start: address('First address'),
    end: address('Address behind its last byte'),
    permissions: text('r, w and x, and p for private or s for shared'),
    offset: integer('Where in the file it begins, in bytes; null without a file', { detail: true }),
    device: text('Device of the file, as major:minor', { detail: true }),
    inode: integer('Inode of the file', { meaning: 'inode', detail: true }),
    path: text('File, or what the kernel calls the area', { meaning: 'path' }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    yield readMappings(kernel, [...members.keys()]).flatMap(({ task, ...mapping }) => {
      const member = members.get(task)
      return member === undefined ? [] : [Object.assign(mapping, member)]
    })
  },
})
