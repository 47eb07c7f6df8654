import { address, defineAnalyzer, flag, integer, list, text } from 'salvor'
import { holderColumns, holderRow } from 'salvor/containers'
import { readHolders, readLinks, readPins } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'bpf-links',
  aliases: ['bpf_listlinks'],
  summary: 'BPF links: what attaches which program, and who holds the link',
  description: 'As bpftool link show has them. A program may be attached without a link: bpf-attachments shows all.',
  torn: 'a link that was there throughout is one row; hidden is null where the id table is torn.',
  examples: [{ command: 'salvor bpf-links memory.elf', what: 'all links' }],
  key: ['id', 'type'],
  columns: {
    address: address('Address of the struct bpf_link', { detail: true }),
    id: integer('Id, as bpftool shows it'),
    type: text('Type: raw_tracepoint, tracing, cgroup, xdp, perf_event, kprobe_multi …'),
    program_id: integer('Id of the program that it attaches'),
    attached_to: text('What it attaches the program to'),
    ...holderColumns,
    pins: list('Paths in bpf file systems at which it is pinned', { detail: true }),
    hidden: flag('Whether the id table lacks it, so that bpftool does not show it'),
    found_by: list('Who knows it: id table, descriptor, pin', { detail: true }),
  },
  async *run({ kernel }) {
    const holders = readHolders(kernel).link
    const pins = readPins(kernel)
    yield readLinks(kernel).map(({ program: _, ...link }) => ({
      ...link,
      ...holderRow(kernel, holders.get(link.address)),
      pins: [...(pins.get(link.address)?.paths ?? [])],
    }))
  },
})
