import { address, bytes, count, defineAnalyzer, integer, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readElfFiles } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'elf-files',
  aliases: ['elfs'],
  summary: 'ELF files in the memory of processes, also in memory that no file is behind',
  description:
    'Every mapping that begins with an ELF header which is in memory: programs, libraries, and files that are only read. ' +
    'One without a path was written into memory by the process, or into it; the kernel lends one to each, [vdso].',
  torn: 'a file that was mapped throughout is one row.',
  examples: [
    { command: 'salvor elf-files memory.elf --pid 236', what: 'those of one process' },
    { command: 'salvor elf-files memory.elf --sort path', what: 'by path; those without come last' },
  ],
  columns: {
    address: address('Address of the vm_area_struct', { detail: true }),
    ...memberColumns,
    start: address('Where its header lies'),
    end: address('Address behind the last byte of the mapping that begins there', { detail: true }),
    permissions: text('Permissions of that mapping, as r--p'),
    type: text('executable, shared object, relocatable or core'),
    machine: text('Processor it is for, as x86_64'),
    bits: integer('32 or 64', { detail: true }),
    entry: address('Where it begins to run, as its header has it', { detail: true }),
    sections: count('Sections that its header counts; packers and hand-made programs have none', { detail: true }),
    size: bytes('What its segments take in memory, from the first to the last'),
    path: text('File, or what the kernel calls the area; null for memory without a name', { meaning: 'path' }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    yield readElfFiles(kernel, [...members.keys()]).flatMap(({ task, header, ...file }) => {
      const member = members.get(task)
      if (member === undefined) return []
      const { type, machine, bits, entry, sections } = header
      const { address, start, end, permissions, size, path } = file
      return { ...member, address, start, end, permissions, type, machine, bits, entry, sections, size, path }
    })
  },
})
