import { address, count, defineAnalyzer, integer, list, record } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { readRings } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'io-uring',
  aliases: ['io_uring', 'iouring', 'rings'],
  summary: 'io_uring instances that processes hold: rings, what was put on them, registered files and buffers',
  description:
    'Work on a ring makes no system call of its own, so that filters and monitors of system calls do not see it. The ' +
    'last entries that were put on the submission ring are still there after the kernel has taken them. A ring that ' +
    'has no descriptor any more is found by its mappings.',
  torn: 'a ring that was held throughout is one row; what is on it is that of one moment.',
  examples: [
    { command: 'salvor io-uring memory.elf', what: 'all rings' },
    { command: 'salvor io-uring memory.elf --container shop-web-1 --format json', what: 'those of a container, whole' },
  ],
  columns: {
    address: address('Address of the struct io_ring_ctx', { detail: true }),
    ...memberColumns,
    fd: integer('Descriptor; null where a mapping alone holds it'),
    flags: list('How it was set up, as IORING_SETUP_…'),
    sq_entries: count('Entries that the submission ring has room for', { detail: true }),
    cq_entries: count('Entries that the completion ring has room for', { detail: true }),
    submitted: count('Entries that the kernel has not taken yet'),
    completed: count('Results that the process has not looked at yet'),
    total: count('Entries that the kernel has taken so far; it begins anew after 32 bits'),
    sq_thread_tid: integer('Thread that takes entries by itself (SQPOLL)', { meaning: 'tid' }),
    sq_thread_cpu: integer('Processor that this thread is bound to', { detail: true }),
    submitter_tid: integer('Thread that alone may put entries there', { meaning: 'tid', detail: true }),
    files: list('Addresses of the struct files that are registered'),
    buffers: record('Memory of the process that is registered: start, length', { detail: true }),
    submissions: record('Last entries put there: operation, fd, address, length, user_data, taken', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    yield readRings(kernel, [...members.keys()]).flatMap(({ task, ...ring }) => {
      const member = members.get(task)
      if (member === undefined) return []
      return [{ ...ring, ...member, files: ring.files.map((file) => `0x${file.toString(16)}`) }]
    })
  },
})
