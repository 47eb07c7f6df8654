import { address, bytes, count, defineAnalyzer, integer, text } from 'salvor'
import { netColumns, netPlaces } from 'salvor/containers'
import { nftRules, xtRules } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'firewall',
  aliases: ['iptables', 'nft', 'nftables', 'firewall-rules'],
  summary: 'Rules of nf_tables and iptables in words, by network namespace',
  description:
    'A table that iptables keeps is worded as iptables-save does, word for word, whether the kernel has it as nf_tables ' +
    'or as x_tables; all others as nft list ruleset does. Rules of Docker, container networks and kube-proxy are among ' +
    'them. What a kernel has no types for is in brackets.',
  torn: 'a rule that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor firewall memory.elf --columns net_ns,table,text', what: 'the rules alone' },
    { command: 'salvor firewall memory.elf --container shop-web-1', what: 'those of one container' },
  ],
  key: ['net_ns', 'family', 'table', 'chain', 'rule', 'backend'],
  columns: {
    address: address("Address of the rule's struct", { detail: true }),
    ...netColumns,
    family: text('ip, ip6, inet, arp, bridge or netdev'),
    table: text('Table'),
    chain: text('Chain'),
    hook: text('Where packets enter the chain; null where only rules lead to it', { detail: true }),
    priority: integer('Priority of the chain at its hook', { detail: true }),
    policy: text('What becomes of a packet that no rule decides about: accept or drop', { detail: true }),
    rule: integer('Which one of its chain it is, from 1 on'),
    handle: integer('Handle by which nft deletes it', { detail: true }),
    text: text('The rule'),
    target: text('What becomes of a packet that it matches: a verdict, a chain or an action'),
    packets: count('Packets that it matched, where they are counted'),
    bytes: bytes('Bytes of these', { detail: true }),
    syntax: text('Whose words they are: iptables or nft', { detail: true }),
    backend: text('What keeps it in the kernel: nf_tables or x_tables', { detail: true }),
  },
  async *run({ kernel }) {
    const placed = netPlaces(kernel)
    yield [...nftRules(kernel), ...xtRules(kernel)].map(({ net_ns, translation: _, ...rule }) => ({
      ...placed(net_ns),
      ...rule,
    }))
  },
})
