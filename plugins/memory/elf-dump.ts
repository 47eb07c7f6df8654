import { address, artifact, bytes, defineAnalyzer, option, text } from 'salvor'
import { memberColumns, readAskedMembers } from 'salvor/containers'
import { dumpElf, readElfFiles } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'elf-dump',
  aliases: ['librarydump', 'dump-elf'],
  summary: 'Programs and libraries as they are in the memory of processes, as ELF files',
  description:
    'What of an ELF file is loaded is put back in the places that the file has it in, as the process has it: code that was ' +
    'patched is patched, and variables have the values that they had. Sections are loaded by no program, and the header ' +
    'says that there are none. What is not in the image is a hole, which reads as zeros, and is counted.',
  torn: 'memory that did not change meanwhile is as it was.',
  examples: [
    {
      command: 'salvor elf-dump memory.elf --process 1595 --output-dir out',
      what: 'the program and libraries of a process',
    },
  ],
  artifacts: 'each ELF file that a process has loaded',
  options: {
    process: option.list('Id of a process', { example: '236' }),
    path: option.text('Only files whose path ends so', { example: '/ld.so' }),
  },
  asks: ['process'],
  columns: {
    ...memberColumns,
    start: address('Where its header lies'),
    type: text('executable, shared object, relocatable or core'),
    path: text('File, or what the kernel calls the area; null for memory without a name', { meaning: 'path' }),
    present: bytes('Bytes of its segments that are in the file'),
    absent: bytes('Bytes that were never there: not touched, or not mapped from its file'),
    missing: bytes('Bytes that were there and are not in the image: swapped out, left out or unreadable'),
    file: artifact('The ELF file; null where nothing of it is loaded'),
  },
  async *run({ kernel, options, artifacts }) {
    const members = readAskedMembers(kernel, options.process)
    for (const elf of readElfFiles(kernel, [...members.keys()])) {
      const member = members.get(elf.task)
      const { start, header, path } = elf
      if (member === undefined || start === null) continue
      if (options.path !== null && path?.endsWith(options.path) !== true) continue
      const name = path?.split('/').at(-1) ?? ''
      const writer = artifacts.create(`${member.pid}.${start.toString(16)}.${name}`)
      const { present, absent, missing } = dumpElf(kernel, writer, elf)
      if (present === 0) writer.abort()
      const file = present === 0 ? null : writer.close()
      yield { ...member, start, type: header.type, path, present, absent, missing, file }
    }
  },
})
