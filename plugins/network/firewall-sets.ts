import { address, defineAnalyzer, flag, integer, text } from 'salvor'
import { netColumns, netPlaces } from 'salvor/containers'
import { readFirewallSets } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'firewall-sets',
  aliases: ['nft-sets', 'nft-maps'],
  summary: 'Sets and maps of nf_tables with their elements, by network namespace',
  description:
    'As nft list sets and nft list maps have them; kube-proxy keeps the addresses of its services in verdict maps where ' +
    'it is run with nftables. A set without elements is one row. Sets of ipset are in `ipset`.',
  torn: 'an element that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor firewall-sets memory.elf', what: 'all elements' },
    { command: 'salvor firewall-sets memory.elf --columns set,key,target', what: 'which chain answers for which key' },
  ],
  key: ['net_ns', 'family', 'table', 'set', 'handle', 'element'],
  columns: {
    address: address("Address of the set's struct", { detail: true }),
    ...netColumns,
    family: text('ip, ip6, inet, arp, bridge or netdev'),
    table: text('Table'),
    set: text('Name of the set'),
    handle: integer('Handle by which nft deletes it', { detail: true }),
    kind: text('set, map, vmap (of verdicts) or objmap (of objects)'),
    type: text('Types of its keys, as nft calls them; null where whoever made it did not say'),
    gives: text('Types of what a map gives, or verdict', { detail: true }),
    anonymous: flag('Whether it is part of one rule', { detail: true }),
    element: integer('Which element of the set it is, from 1 on; null for a set that has none', { detail: true }),
    key: text('The element, or range of elements'),
    value: text('What a map gives for it: a verdict or a value'),
    target: text('Chain that the verdict leads to'),
  },
  async *run({ kernel }) {
    const placed = netPlaces(kernel)
    yield readFirewallSets(kernel).map(({ net_ns, ...set }) => ({ ...placed(net_ns), ...set }))
  },
})
