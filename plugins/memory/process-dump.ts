import { artifact, bytes, count, defineAnalyzer, list, option } from 'salvor'
import {
  findContainers,
  listedPlacedTasks,
  type Member,
  memberColumns,
  readAskedMembers,
  readMembers,
} from 'salvor/containers'
import { readCoreSources } from 'salvor/kernel'

/** Gaps that are named one by one: a process may have as many as it has pages. */
const MOST_GAPS = 4096

export default defineAnalyzer({
  name: 'process-dump',
  aliases: ['gcore', 'procdump', 'elfcore'],
  summary: 'Processes as core files, for gdb and whatever else opens these',
  description:
    'ELF core files with the registers of every thread, the names of mapped files and all memory of a process that is in ' +
    'the image. What is not is no zeros: a segment ends before it, where it is long, or it is a hole in the file, and ' +
    'each is in the list of gaps. Absent are pages that the process never touched, or has not mapped from a file.',
  torn: 'memory that did not change meanwhile is as it was; the registers are those of threads that slept.',
  examples: [
    { command: 'salvor process-dump memory.elf --process 1618 --output-dir out', what: 'one process as a core file' },
  ],
  artifacts: 'a core file of each process',
  options: {
    process: option.list('Id of a process to write', { example: '236' }),
    of_container: option.text(
      'Every process of this container, by its name or the beginning of its id, or of pod:NAME',
      {
        example: 'shop-web-1',
      },
    ),
  },
  asks: ['process', 'of_container'],
  key: ['pid'],
  columns: {
    ...memberColumns,
    threads: count('Threads whose registers are in the file; those that ran have none, and count too'),
    running: count('Threads that were on a processor: their registers are zeros', { detail: true }),
    mappings: count('Mappings of the process'),
    present: bytes('Memory that is in the file'),
    absent: bytes('Memory that was never there: not touched, or not mapped from its file'),
    missing: bytes('Memory that was there and is not in the image: swapped out, left out or unreadable'),
    gaps: list('What is not in the file: addresses and why, 4096 at most', { detail: true }),
    file: artifact('The core file'),
  },
  async *run({ kernel, options, artifacts, warn }) {
    const { of_container } = options
    const containers = of_container === null ? [] : findContainers(kernel, of_container).map(({ id }) => id)
    if (of_container !== null && containers.length === 0) {
      warn({ code: 'absent', message: `no container is called ${of_container}` })
    }
    const isOf = ({ container }: Member) => container !== null && containers.includes(container)
    const members = new Map([
      ...readAskedMembers(kernel, options.process),
      ...[...readMembers(kernel)].filter(([, member]) => isOf(member)),
    ])
    const tasks = listedPlacedTasks(kernel)
    const leaders = tasks.filter(({ address }) => members.has(address))
    for (const { leader, mappings, running, write } of readCoreSources(kernel, leaders, tasks)) {
      const member = members.get(leader.address)
      if (member === undefined) continue
      const writer = artifacts.create(`core.${leader.pid}.${leader.comm ?? ''}`)
      const { present, gaps, capped } = write(writer)
      if (capped)
        kernel.warn({ code: 'cap', message: 'more memory of a process than a core file is made of', count: 1 })
      const sum = (holds: (why: string) => boolean) =>
        gaps.reduce((total, { length, why }) => total + (holds(why) ? length : 0), 0)
      yield {
        ...member,
        threads: leader.threads,
        running,
        mappings: mappings.length,
        present,
        absent: sum((why) => why === 'absent'),
        missing: sum((why) => why !== 'absent'),
        gaps: gaps.slice(0, MOST_GAPS).map(({ address, length, why }) => {
          const end = address + BigInt(length)
          return `0x${address.toString(16)}-0x${end.toString(16)} ${why}`
        }),
        file: writer.close(),
      }
    }
  },
})
