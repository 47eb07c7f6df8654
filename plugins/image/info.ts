import { address, bytes, count, defineAnalyzer, flag, integer, isoTime, list, record, text, time } from 'salvor'
import { bootTime, checkLinks, imageTime, onlineCpus, read } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'info',
  aliases: ['banner', 'boottime', 'vmcoreinfo'],
  summary: 'The image, and the kernel that was found in it',
  torn: 'what it says of the kernel holds; `torn` and `links` tell how much of the image contradicts itself.',
  examples: [{ command: 'salvor info memory.lime', what: 'format, kernel, boot time and where the symbols came from' }],
  single: true,
  columns: {
    format: text('Format of the file: raw, lime, elf, avml, kdump, qemu, vmware or crash-dump'),
    size: bytes('Size of the file, or of all parts of a dump that was split'),
    files: list('Files that the image is read from, the named one first', { detail: true }),
    unpacked_from: text('The compressed file or archive that the image was unpacked from', {
      detail: true,
      meaning: 'path',
    }),
    ranges: record('Ranges of physical memory that the file holds: start, end, bytes', { detail: true }),
    architecture: text('Processor architecture'),
    page_levels: integer('Levels of page tables'),
    address_bits: integer('Bits of a virtual address that page tables translate', { detail: true }),
    page_size: bytes('Size of a page of memory'),
    release: text('Kernel release'),
    banner: text('Kernel banner'),
    build_id: text('GNU build id of the kernel'),
    kernel_physical: address('Physical address of the kernel (_text)'),
    kernel_virtual: address('Virtual address of the kernel (_text)'),
    boot_time: time('When the machine booted'),
    taken: time('When memory was taken, to the second: the clock as the kernel last brought it up to date'),
    hostname: text('Host name of the initial UTS namespace'),
    cpus: count('Processors that are online'),
    symbols: count('Symbols that were found'),
    symbols_from: text('Where symbols come from'),
    types_from: text('Where types come from'),
    modules_with_types: count('Loaded modules that bring their own types'),
    torn: flag(
      'Whether memory was taken while the host went on: links between tasks, or their times, contradict others',
    ),
    links: record(
      'Links between tasks seen from both ends, and times held against clocks: links, checked, contradict, first',
      {
        detail: true,
      },
    ),
  },
  async *run({ kernel }) {
    const { warnings: _, ...facts } = kernel.info
    const uts = kernel.symbol('init_uts_ns', 'struct uts_namespace').select({ hostname: read.text('name.nodename') })
    const boot = bootTime(kernel)
    const links = checkLinks(kernel)
    yield {
      ...facts,
      kernel_physical: BigInt(facts.kernel_physical),
      kernel_virtual: BigInt(facts.kernel_virtual),
      boot_time: boot === null ? null : isoTime(boot),
      taken: imageTime(kernel),
      hostname: uts.column('hostname').text(0),
      cpus: onlineCpus(kernel),
      torn: links.some(({ contradict }) => contradict > 0),
      links,
    }
  },
})
