import { address, bytes, count, defineAnalyzer, flag, integer, list, text } from 'salvor'
import { holderColumns, holderRow } from 'salvor/containers'
import { readHolders, readMaps, readPins } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'bpf-maps',
  aliases: ['bpf_listmaps'],
  summary: 'BPF maps: what programs keep and share with processes',
  description:
    'As bpftool map show has them, with the programs that use each, who holds it by a descriptor, and where it is pinned. ' +
    'What is in them is shown by bpf-map-entries.',
  torn: 'a map that was there throughout is one row; hidden is null where the id table is torn.',
  examples: [{ command: 'salvor bpf-maps memory.elf', what: 'all maps' }],
  key: ['id', 'name'],
  columns: {
    address: address('Address of the struct bpf_map', { detail: true }),
    id: integer('Id, as bpftool shows it'),
    type: text('Type: hash, array, prog_array, ringbuf, lpm_trie …'),
    name: text('Name'),
    key_size: bytes('Size of a key'),
    value_size: bytes('Size of a value'),
    max_entries: count('Entries that it may have'),
    flags: integer('Flags that it was made with (BPF_F_…)', { detail: true }),
    frozen: flag('Whether processes may no longer write to it', { detail: true }),
    programs: list('Ids of the programs that use it'),
    ...holderColumns,
    pins: list('Paths in bpf file systems at which it is pinned', { detail: true }),
    hidden: flag('Whether the id table lacks it, so that bpftool does not show it'),
    found_by: list('Who knows it: id table, descriptor, pin, program', { detail: true }),
  },
  async *run({ kernel }) {
    const holders = readHolders(kernel).map
    const pins = readPins(kernel)
    yield readMaps(kernel).map((map) => ({
      ...map,
      programs: map.programs.map(String),
      ...holderRow(kernel, holders.get(map.address)),
      pins: [...(pins.get(map.address)?.paths ?? [])],
    }))
  },
})
