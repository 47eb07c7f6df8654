import { address, defineAnalyzer, Rows, text } from 'salvor'
import { listSymbols } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'kernel-symbols',
  aliases: ['kallsyms'],
  summary: 'Every name that the kernel has for an address: its own, of modules, of BPF programs and of trampolines',
  description:
    'As /proc/kallsyms lists them to root, in its order but within a module, where they go by address. Modules are those ' +
    'on the list of modules: what a hidden one has is not among them, as it is not in /proc.',
  torn: 'a symbol that was there throughout is one row.',
  examples: [
    { command: 'salvor kernel-symbols memory.elf --where module=bpf', what: 'BPF programs that were compiled' },
    { command: 'salvor kernel-symbols memory.elf --format csv', what: 'all of them, for another tool' },
  ],
  columns: {
    address: address('Address, or the value of what is none'),
    type: text(
      'Letter of nm(1): t text, d data, b data that began as zeros, r data that is only read; capital if others may use it',
    ),
    name: text('Name'),
    module: text("Module it belongs to, bpf, or what made it; null for the kernel's own"),
  },
  async *run({ kernel }) {
    const { length, ...columns } = listSymbols(kernel)
    yield new Rows(length, columns)
  },
})
