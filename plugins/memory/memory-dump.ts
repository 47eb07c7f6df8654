import { address, artifact, bytes, defineAnalyzer, option, optionError, text } from 'salvor'
import { memberColumns, readAskedMembers } from 'salvor/containers'
import { copyMemory, mostMemory, ProcessMemory, readMappings } from 'salvor/kernel'

/** An address as people write it; null where it is none. */
function addressOf(text: string | null): bigint | null {
  return text !== null && /^(0x)?[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text.replace(/^0x/i, '')}`) : null
}

export default defineAnalyzer({
  name: 'memory-dump',
  aliases: ['dump-map', 'dump_map'],
  summary: 'Memory of processes as files, mapping by mapping',
  description:
    'Each file has the bytes of one mapping in their places; what is not in the image is a hole, which reads as zeros, ' +
    'and is counted. Absent are pages that the process never touched, or has not mapped from a file.',
  torn: 'memory that did not change meanwhile is as it was.',
  examples: [
    { command: 'salvor memory-dump memory.elf --process 1618 --output-dir out', what: 'all memory of one process' },
    {
      command: 'salvor memory-dump memory.elf --process 1618 --at 0x7f72e89fa000 --output-dir out',
      what: 'the one mapping that holds an address',
    },
  ],
  artifacts: 'the memory of each mapping that is in the image',
  options: {
    process: option.list('Id of a process', { example: '236' }),
    at: option.text('Only the mapping that holds this address', { example: '0x7f72e89fa000' }),
  },
  asks: ['process'],
  columns: {
    ...memberColumns,
    start: address('First address'),
    end: address('Address behind its last byte'),
    permissions: text('r, w and x, and p for private or s for shared'),
    path: text('File, or what the kernel calls the area', { meaning: 'path' }),
    present: bytes('Memory that is in the file'),
    absent: bytes('Memory that was never there: not touched, or not mapped from its file'),
    missing: bytes('Memory that was there and is not in the image: swapped out, left out or unreadable'),
    file: artifact('The memory; null where there is none'),
  },
  async *run({ kernel, options, artifacts }) {
    const at = addressOf(options.at)
    if (options.at !== null && at === null) throw optionError(`--at: ${options.at} is no address`)
    const most = mostMemory(kernel)
    for (const [task, member] of readAskedMembers(kernel, options.process)) {
      const memory = ProcessMemory.of(kernel, task)
      for (const { start, end, permissions, path } of readMappings(kernel, [task])) {
        if (memory === null || start === null || end === null) continue
        if (at !== null && (at < start || at >= end)) continue
        const writer = artifacts.create(`${member.pid}.${start.toString(16)}-${end.toString(16)}.mem`)
        const { present, absent, missing, more } = copyMemory(writer, memory, { start, end }, { offset: 0, most })
        if (more > 0) kernel.warn({ code: 'cap', message: 'more of a mapping than there is memory', count: 1 })
        if (present === 0) writer.abort()
        const file = present === 0 ? null : writer.close()
        yield { ...member, start, end, permissions, path, present, absent, missing, file }
      }
    }
  },
})
