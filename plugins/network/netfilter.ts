import { address, defineAnalyzer, flag, integer, text } from 'salvor'
import { netColumns, netPlaces } from 'salvor/containers'
import { placeText, readHooks } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'netfilter',
  aliases: ['nf-hooks', 'netfilter-hooks'],
  summary: 'Functions that netfilter calls for packets, by network namespace',
  description:
    'Those of every namespace and family, and of devices at ingress and egress, in the order in which they are called. A ' +
    'function without a module is in the memory of neither the kernel nor a module that is known; one that was put in ' +
    "another's place is redirected.",
  torn: 'a function that was hooked in throughout is one row.',
  examples: [
    { command: 'salvor netfilter memory.elf', what: 'all hook functions' },
    { command: 'salvor netfilter memory.elf --sort symbol', what: 'by function; those without a symbol come last' },
  ],
  columns: {
    ...netColumns,
    family: text('ip, ip6, arp or bridge; of devices netdev or inet'),
    hook: text('prerouting, input, forward, output, postrouting, ingress or egress'),
    device: text('Device whose packets it sees; null for those of the whole namespace'),
    position: integer('Which one of its hook it is, in the order of calls', { detail: true }),
    priority: integer('Priority: the lowest is called first'),
    address: address('Address of the function'),
    symbol: text('Symbol that the address belongs to'),
    module: text('Module whose memory it is in; kernel for the kernel proper'),
    private: address('What it is called with: a chain or a table', { detail: true }),
    registered: address('Function that was registered in its place', { detail: true }),
    redirected: flag('Whether it is another than the one that was registered'),
  },
  async *run({ kernel }) {
    const placed = netPlaces(kernel)
    yield readHooks(kernel).map(({ net_ns, place, ...hook }) => ({
      ...placed(net_ns),
      ...hook,
      symbol: placeText(place),
      module: place?.module ?? null,
      redirected: hook.registered === null ? null : hook.registered !== hook.address,
    }))
  },
})
