import { address, defineAnalyzer, integer, option, text } from 'salvor'
import { hexText, readMapEntries } from 'salvor/kernel'

/** What of some bytes is text: printable ASCII, with a dot for each other byte and without the NULs at its end. */
function printable(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1
  return Array.from(bytes.subarray(0, end), (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.',
  ).join('')
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes && hexText(bytes)
}

export default defineAnalyzer({
  name: 'bpf-map-entries',
  summary: 'Keys and values of BPF maps that are hash tables or arrays',
  description:
    'As bpftool map dump prints them, and the value once more as text. Entries of an array that are nothing but zeros are ' +
    'left out.',
  torn: 'an entry that was there throughout is one row.',
  examples: [{ command: 'salvor bpf-map-entries memory.elf --map 12', what: 'what is in one map' }],
  options: { map: option.count('Only of the map with this id') },
  key: ['map_id', 'map', 'key'],
  columns: {
    address: address('Address of the element of a hash table', { detail: true }),
    map_id: integer('Id of the map'),
    map: text('Name of the map'),
    key: text('Key in hexadecimal digits; of an array the index, four bytes, lowest first'),
    value: text('Value in hexadecimal digits', { detail: true }),
    text: text('The value as text, with a dot for each byte that is none'),
  },
  async *run({ kernel, options }) {
    for (const { map, address, key, value } of readMapEntries(kernel, options.map)) {
      yield { address, map_id: map.id, map: map.name, key: hex(key), value: hex(value), text: printable(value) }
    }
  },
})
