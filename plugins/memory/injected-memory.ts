import { address, count, defineAnalyzer, list, text } from 'salvor'
import { memberColumns, readMembers } from 'salvor/containers'
import { disassemble, readInjectedMemory } from 'salvor/kernel'

/** Two digits for each byte. */
function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

export default defineAnalyzer({
  name: 'injected-memory',
  aliases: ['malfind'],
  summary: 'Executable memory of processes that no file on a disk has',
  description:
    'Mappings that can be executed and are writable too, have no file (anonymous), one that never had a name (memfd) or ' +
    'has none any more (deleted), or have pages that are not those of their file (changed): code that was injected, ' +
    'unpacked, patched, or that a compiler made at run time. What the kernel lends to every process is left out unless a ' +
    'process has changed its own. Bytes and instructions are of the first place that differs from the file, else of the ' +
    'first page that is not all zeros.',
  torn: 'a mapping that was there throughout is one row; a page that changed meanwhile may be shown as changed.',
  examples: [
    { command: 'salvor injected-memory memory.elf', what: 'all such memory' },
    { command: 'salvor injected-memory memory.elf --wide', what: 'with bytes and instructions' },
  ],
  columns: {
    address: address('Address of the vm_area_struct', { detail: true }),
    ...memberColumns,
    start: address('First address'),
    end: address('Address behind its last byte'),
    permissions: text('r, w and x, and p for private or s for shared'),
    path: text('File, or what the kernel calls the area; null for memory without a name', { meaning: 'path' }),
    reasons: list('writable, anonymous, memfd, deleted, changed'),
    changed_pages: count('Pages that are not those of its file; null where the process has none of its own'),
    shown: address('Where the bytes lie; null where nothing is in memory', { detail: true }),
    hexdump: text('The first bytes there', { detail: true }),
    disassembly: list('The first instructions there', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    yield readInjectedMemory(kernel, [...members.keys()]).flatMap((injected) => {
      const member = members.get(injected.task)
      if (member === undefined) return []
      const { shown, bytes, bits } = injected
      const code = shown === null || bytes === null ? null : disassemble(kernel, bytes, shown, { bits, most: 8 })
      const { address, start, end, permissions, path, reasons, changed_pages } = injected
      return {
        ...member,
        ...{ address, start, end, permissions, path, reasons, changed_pages, shown },
        hexdump: bytes === null ? null : hexOf(bytes),
        disassembly: code,
      }
    })
  },
})
