import { address, bytes, count, defineAnalyzer, flag, integer, list, text, time } from 'salvor'
import { holderColumns, holderRow } from 'salvor/containers'
import { readAttachments, readHelpers, readHolders, readLinks, readPins, readPrograms } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'bpf-programs',
  aliases: ['ebpf', 'bpf', 'bpf_listprogs'],
  summary: 'Loaded BPF programs: type, name, tag, maps, where they are attached and who holds them',
  description:
    'As bpftool prog show has them, with what it takes from other places: attachments to cgroups, tracepoints, functions, ' +
    'interfaces, sockets and perf events, descriptors and pins. A program is known by the id table, by the list of ' +
    'programs with symbols, by descriptors, pins, links and attachments; one that the id table lacks is hidden.',
  torn: 'a program that was loaded throughout is one row; hidden is null where the id table is torn.',
  examples: [
    { command: 'salvor bpf-programs memory.elf', what: 'all loaded programs' },
    { command: 'salvor bpf-programs memory.elf --columns id,name,attached_to,holders', what: 'who keeps each where' },
  ],
  key: ['id', 'tag', 'name'],
  columns: {
    address: address('Address of the struct bpf_prog', { detail: true }),
    id: integer('Id, as bpftool shows it'),
    type: text('Type: cgroup_device, kprobe, raw_tracepoint, tracing, lsm, xdp …'),
    name: text('Name; the whole of it where the program has BTF'),
    tag: text('Hash of its instructions, which programs of the same code share'),
    uid: integer('User who loaded it'),
    loaded: time('When it was loaded'),
    size: bytes('Size of its translated instructions'),
    jited: bytes('Size of its machine code', { detail: true }),
    maps: list('Ids of the maps that it uses'),
    helpers: list('Kernel functions that it calls', { detail: true }),
    attached_to: list('What it is attached to: type, and cgroup, tracepoint, function, interface, socket or event'),
    function: text('Kernel function that its type attaches it to or replaces', { detail: true }),
    ...holderColumns,
    pins: list('Paths in bpf file systems at which it is pinned', { detail: true }),
    links: list('Ids of the links that attach it', { detail: true }),
    references: count('References that keep it loaded', { detail: true }),
    unheld: flag('Whether neither a descriptor nor a pin, link or attachment is known that keeps it', { detail: true }),
    hidden: flag('Whether the id table lacks it, so that bpftool does not show it'),
    found_by: list('Who knows it: id table, symbol list, descriptor, pin, link, attachment', { detail: true }),
  },
  async *run({ kernel }) {
    const holders = readHolders(kernel).program
    const [pins, links, helpers] = [readPins(kernel), readLinks(kernel), readHelpers(kernel)]
    const attachments = readAttachments(kernel)
    yield readPrograms(kernel).map(({ maps, code, ...program }) => {
      const { address } = program
      const at = attachments.filter((attachment) => attachment.program === address)
      return {
        ...program,
        maps: maps.map(({ id }) => String(id ?? '?')),
        helpers: helpers.get(address) ?? null,
        attached_to: [
          ...new Set(at.map(({ type, target }) => [type, target].filter((part) => part !== null).join(' '))),
        ],
        ...holderRow(kernel, holders.get(address)),
        pins: [...(pins.get(address)?.paths ?? [])],
        links: links.filter((link) => link.program === address).map(({ id }) => String(id ?? '?')),
        unheld: program.found_by.every((view) => view === 'id table' || view === 'symbol list'),
      }
    })
  },
})
