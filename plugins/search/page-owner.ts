import { address, defineAnalyzer, option } from 'salvor'
import { describePages, pageColumns, placesOf } from 'salvor/containers'

export default defineAnalyzer({
  name: 'page-owner',
  aliases: ['page', 'what-is', 'vtop'],
  summary: 'What places in physical memory are, whose they are, and which container pays for them',
  description:
    'Memory cgroups pay for pages and for slab objects from the moment they are allocated: the container is that of the ' +
    'process which brought them into memory, and no proof of who uses them now. What is charged to no container has null.',
  torn: 'what a page is and who pays for it is read together, and may be of another moment than what lies in the page.',
  examples: [
    { command: 'salvor page-owner memory.elf --physical 0x1b3f000', what: 'what lies at a physical address' },
    {
      command: 'salvor page-owner memory.elf --virtual 0xffff8881003f2a80',
      what: 'a kernel address, of an object for example',
    },
    { command: 'salvor page-owner memory.elf --process 1595', what: 'every page that a process maps' },
  ],
  options: {
    physical: option.list('Physical address', { example: '0x1b3f000' }),
    virtual: option.list("Virtual address, of the kernel's or with --process of that process", {
      example: '0xffff8881003f2a80',
    }),
    process: option.count('Process id: its addresses, or without --virtual each page that it maps', { least: 1 }),
  },
  asks: ['physical', 'virtual', 'process'],
  columns: { physical: address('Physical address'), ...pageColumns },
  async *run({ kernel, options }) {
    yield describePages(kernel, placesOf(kernel, options))
  },
})
