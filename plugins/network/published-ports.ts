import { defineAnalyzer, integer, list, text } from 'salvor'
import { addressHolders, listedPlacedTasks, netColumns, netPlaces } from 'salvor/containers'
import { type IpvsDestination, isLeader, nftWays, type Published, publishedBy, readIpvs, xtRules } from 'salvor/kernel'

/** Options of docker-proxy and what a row calls them (moby, cmd/docker-proxy). */
const PROXY = ['-proto', '-host-ip', '-host-port', '-container-ip', '-container-port'] as const
/** Addresses that stand for all of the host's. */
const ANY = new Set(['0.0.0.0', '::'])

/** What a docker-proxy of the host was told on its command line. */
function proxied({ args, net_ns }: { args: string[] | null; net_ns: number | null }): Published[] {
  const [protocol, host, port, target, targetPort] = PROXY.map((name) => args?.[args.indexOf(name) + 1 || args.length])
  if (protocol === undefined || host === undefined || target === undefined) return []
  const number = (digits: string | undefined) => (/^\d{1,5}$/.test(digits ?? '') ? Number(digits) : null)
  const address = ANY.has(host) ? null : host
  const ports = { port: number(port), last_port: number(port), target_port: number(targetPort) }
  return [{ net_ns, protocol, address, target, ...ports, comment: null }]
}

/** A virtual service by one who answers for it; packets that are chosen by a mark have no port. */
function balanced(service: Readonly<IpvsDestination>): Published[] {
  const { net_ns, protocol, port, destination, destination_port, virtual_address: address } = service
  if (port === null || destination === null) return []
  return [
    {
      net_ns,
      protocol,
      address,
      port,
      last_port: port,
      target: destination,
      target_port: destination_port,
      comment: null,
    },
  ]
}

const keyOf = ({ net_ns, protocol, address, port, target, target_port }: Published) =>
  JSON.stringify([net_ns, protocol, address, port, target, target_port])

export default defineAnalyzer({
  name: 'published-ports',
  aliases: ['ports', 'port-mappings'],
  summary: 'Ports and service addresses that lead to containers, with who answers',
  description:
    "Every port that the firewall's rules send elsewhere, through all chains: those that Docker and container networks " +
    "publish, and kube-proxy's services with each endpoint; and what a docker-proxy listens for. A rule may be there " +
    'without the proxy, and a proxy without the rule.',
  torn: 'a port whose rules or proxy were there throughout is one row.',
  examples: [{ command: 'salvor published-ports memory.elf', what: 'which port leads to which container' }],
  columns: {
    ...netColumns,
    protocol: text('tcp, udp, sctp …'),
    address: text("Address that is called; null for any of the host's"),
    port: integer('Port that is called, of a range the first'),
    last_port: integer('The last port of a range', { detail: true }),
    target: text('Address that answers'),
    target_port: integer('Port that answers; null for the same'),
    target_container: text('Container that alone has this address', { meaning: 'container' }),
    target_container_name: text('Name of that container', { meaning: 'container_name' }),
    target_pod: text('Its Kubernetes pod, as namespace/name', { meaning: 'pod' }),
    comment: text('What the rule says of itself: the name of a service'),
    found_by: list('rule, ipvs, docker-proxy'),
  },
  async *run({ kernel }) {
    const [placed, holders] = [netPlaces(kernel), addressHolders(kernel)]
    const proxies = listedPlacedTasks(kernel).filter(
      (task) => isLeader(task) && task.comm === 'docker-proxy' && task.container === null,
    )
    const ports = new Map<string, Published & { found_by: string[] }>()
    const add = (port: Published, found_by: string) => {
      const known = ports.get(keyOf(port))
      if (known === undefined) ports.set(keyOf(port), { ...port, found_by: [found_by] })
      else if (!known.found_by.includes(found_by)) known.found_by.push(found_by)
    }
    for (const port of publishedBy([...nftWays(kernel), ...xtRules(kernel)])) add(port, 'rule')
    for (const port of readIpvs(kernel).flatMap(balanced)) add(port, 'ipvs')
    for (const port of proxies.flatMap(proxied)) add(port, 'docker-proxy')
    yield [...ports.values()].map(({ net_ns, ...port }) => {
      const { container, container_name, pod } = holders(port.target)
      return {
        ...placed(net_ns),
        ...port,
        target_container: container,
        target_container_name: container_name,
        target_pod: pod,
      }
    })
  },
})
