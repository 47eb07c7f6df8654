import { address, defineAnalyzer, integer, text } from 'salvor'
import { readResources } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'io-memory',
  aliases: ['iomem'],
  summary: 'What takes which physical addresses: memory, devices, the kernel itself',
  description: 'As /proc/iomem shows it to root: each range, then those within it.',
  torn: 'a range that was taken throughout is one row.',
  examples: [{ command: 'salvor io-memory memory.elf', what: 'the map of physical addresses' }],
  columns: {
    address: address('Address of the struct resource', { detail: true }),
    start: address('First physical address'),
    end: address('Last physical address'),
    name: text('Who has taken it'),
    depth: integer('How many other ranges it lies within'),
  },
  async *run({ kernel }) {
    yield readResources(kernel)
  },
})
