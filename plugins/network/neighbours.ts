import { address, defineAnalyzer, list, text } from 'salvor'
import { netColumns, netPlaces } from 'salvor/containers'
import { readNeighbours } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'neighbours',
  aliases: ['arp', 'ip-neigh', 'neighbors'],
  summary: 'Hardware addresses of machines and containers on the same link, by ARP and neighbour discovery',
  description:
    'What `ip neigh` shows in each network namespace, and what it leaves out: those that need no resolving. Whom a ' +
    'container has spoken to on its bridge is here after the connection is gone.',
  torn: 'a neighbour that was known throughout is one row.',
  examples: [{ command: 'salvor neighbours memory.elf', what: 'all neighbours' }],
  key: ['net_ns', 'interface', 'ip'],
  columns: {
    address: address('Address of the struct neighbour', { detail: true }),
    ...netColumns,
    ip: text('IP address'),
    mac: text('Hardware address; null where it is not known'),
    interface: text('Interface that it is reached by'),
    state: text('REACHABLE, STALE, DELAY, PROBE, FAILED, INCOMPLETE, NOARP or PERMANENT'),
    flags: list('router, extern_learn, offload', { detail: true }),
  },
  async *run({ kernel }) {
    const placed = netPlaces(kernel)
    yield readNeighbours(kernel).map((neighbour) => Object.assign(neighbour, placed(neighbour.net_ns)))
  },
})
