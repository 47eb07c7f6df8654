import { address, artifact, bytes, count, defineAnalyzer, option, text } from 'salvor'
import { readModuleSections, readModuleSymbols, readPlacedModules, writeModule } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'module-dump',
  aliases: ['module-extract', 'moddump', 'lsmod-dump'],
  summary: 'Kernel modules as they are in memory, as ELF files with their sections and symbols',
  description:
    'All of the memory of a module lies in sections at their addresses, by the names that the module’s file had for them, ' +
    'which the kernel keeps for /sys/module; what no section is known of is called .memory and a number. Symbols are those ' +
    'of the module’s own table, so that a module that was taken off every list has them too. Code is as it is in memory: ' +
    'relocated, and patched where somebody patched it. What is not in the image is a hole, which reads as zeros.',
  torn: 'memory that did not change meanwhile is as it was.',
  examples: [
    { command: 'salvor module-dump memory.elf --output-dir out', what: 'all modules' },
    { command: 'salvor module-dump memory.elf --module dummy --output-dir out', what: 'one of them' },
  ],
  key: ['name'],
  artifacts: 'each module',
  options: { module: option.list('Only the module of this name', { example: 'dummy' }) },
  columns: {
    address: address('Address of the struct module; of the struct vmap_area where there is none', { detail: true }),
    name: text('Name'),
    base: address('Start of its text'),
    sections: count('Sections in the file'),
    symbols: count('Symbols in the file'),
    present: bytes('Memory that is in the file'),
    missing: bytes('Memory that is not in the image'),
    file: artifact('The module; null where nothing of its memory is in the image'),
  },
  async *run({ kernel, options, artifacts }) {
    for (const { address, name, base, areas } of readPlacedModules(kernel)) {
      if (options.module.length > 0 && !options.module.includes(name ?? '')) continue
      const sections = readModuleSections(kernel, name === null ? null : address, areas)
      const symbols = name === null ? [] : readModuleSymbols(kernel, address)
      const writer = artifacts.create(`${name ?? 'unknown'}.${(base ?? address).toString(16)}.ko`)
      const { present, missing } = writeModule(kernel, writer, sections, symbols)
      if (present === 0) writer.abort()
      const file = present === 0 ? null : writer.close()
      yield { address, name, base, sections: sections.length, symbols: symbols.length, present, missing, file }
    }
  },
})
