import { address, bytes, count, defineAnalyzer, flag, integer, text } from 'salvor'
import { netColumns, netPlaces } from 'salvor/containers'
import { readAddressSets, readTicks, secondsTo } from 'salvor/kernel'

const FAMILIES: Readonly<Record<number, string>> = { 2: 'inet', 10: 'inet6' }

export default defineAnalyzer({
  name: 'ipset',
  aliases: ['address-sets'],
  summary: 'Sets of ipset with their entries, by network namespace',
  description:
    'As ipset list has them: addresses, networks, ports and interfaces that rules of the firewall ask for by one name. ' +
    'kube-proxy keeps the addresses of its services in some where it is run with IPVS, and network policies their pods. ' +
    'A set without entries is one row. Sets of nf_tables are in `firewall-sets`.',
  torn: 'an entry that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor ipset memory.elf', what: 'all entries' },
    { command: 'salvor ipset memory.elf --columns set,entry,comment', what: 'what is in which set' },
  ],
  key: ['net_ns', 'set', 'entry'],
  columns: {
    address: address('Address of the entry, or of its set', { detail: true }),
    ...netColumns,
    set: text('Name of the set'),
    type: text('What its entries are of: hash:ip,port, bitmap:port, list:set and so on'),
    family: text('inet or inet6; null for sets of neither'),
    references: count('Rules and lists that use the set'),
    entry: text('The entry; null for a set that has none'),
    nomatch: flag('Whether what is like the entry is not meant'),
    comment: text('What was written beside it'),
    seconds_left: integer('Seconds until it ends, less than 0 for one that has; null where it stays', { detail: true }),
    packets: count('Packets that it met, where they are counted', { detail: true }),
    bytes: bytes('Bytes of these', { detail: true }),
  },
  async *run({ kernel }) {
    const placed = netPlaces(kernel)
    const ticks = readTicks(kernel)
    const left = (ends: bigint | null) =>
      ends === null || ticks === null ? null : Math.round(secondsTo(ticks, Number(BigInt.asUintN(32, ends))))
    for (const { net_ns, address, name, type, family, references, entries } of readAddressSets(kernel)) {
      const set = { address, ...placed(net_ns), set: name, type, family: FAMILIES[family ?? 0] ?? null, references }
      const none = { entry: null, nomatch: null, comment: null, seconds_left: null, packets: null, bytes: null }
      if (entries.length === 0) yield { ...set, ...none }
      yield entries.map(({ address, text, nomatch, comment, packets, bytes, ends }) => ({
        ...{ ...set, address, entry: text, nomatch, comment, packets, bytes, seconds_left: left(ends) },
      }))
    }
  },
})
