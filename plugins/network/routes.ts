import { address, defineAnalyzer, integer, list, text } from 'salvor'
import { netColumns, netPlaces } from 'salvor/containers'
import { readRoutes } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'routes',
  aliases: ['ip-route', 'route', 'route-cache'],
  summary: 'Routes of every network namespace, of all its tables, IPv4 and IPv6',
  description:
    'What `ip route show table all` and `ip -6 route show table all` show in each namespace, with the words that ip leaves ' +
    'out. Addresses of the namespace itself are routes of the type local.',
  torn: 'a route that was there throughout is one row; a table that was being changed may lack others.',
  examples: [
    { command: 'salvor routes memory.elf --container shop-web-1', what: 'where one container sends what' },
    { command: 'salvor routes memory.elf --format csv', what: 'all routes as CSV' },
  ],
  columns: {
    address: address('Address of the struct fib_alias or fib6_info', { detail: true }),
    ...netColumns,
    family: text('inet or inet6'),
    destination: text('Addresses that it is for; default for all'),
    gateway: text('Who passes them on; null where they are on the link'),
    interface: text('Interface that they are sent by'),
    hops: list('Gateways and interfaces, where there are several', { detail: true }),
    table: text('local, main, default or a number'),
    protocol: text('Who made it: kernel, boot, static, dhcp and so on'),
    scope: text('How far its addresses are: host, link or global'),
    type: text('unicast, local, broadcast, blackhole and so on'),
    source: text('Source address that is preferred'),
    metric: integer('The lowest is taken first'),
  },
  async *run({ kernel }) {
    const placed = netPlaces(kernel)
    yield readRoutes(kernel).map((route) => Object.assign(route, placed(route.net_ns)))
  },
})
