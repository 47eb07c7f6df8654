import { bytes, defineAnalyzer, text } from 'salvor'
import { memoryShares, payerColumns } from 'salvor/containers'

export default defineAnalyzer({
  name: 'memory-by-owner',
  aliases: ['memory-summary', 'page-summary'],
  summary: 'All of memory by what it is and which cgroup and container pay for it',
  description:
    'Every page that the image holds counts once: pages of files, anonymous memory and what the kernel allocates on behalf ' +
    'of a process are charged to its cgroup, slab memory object by object. Rows without a cgroup are what nobody pays for.',
  torn: 'charges are of the moments at which their pages were written, and the sums of none.',
  examples: [
    { command: 'salvor memory-by-owner memory.elf', what: 'what each container has in memory' },
    { command: 'salvor memory-by-owner memory.elf --container shop-web-1', what: 'one container, by kind' },
  ],
  columns: {
    ...payerColumns,
    kind: text(
      'What the memory is: page cache, anonymous, slab, kernel stack, page table, pipe, free, reserved, other …',
    ),
    bytes: bytes('How much of it is in memory'),
  },
  async *run({ kernel }) {
    yield memoryShares(kernel)
  },
})
