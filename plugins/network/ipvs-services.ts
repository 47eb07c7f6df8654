import { address, count, defineAnalyzer, integer, text } from 'salvor'
import { addressHolders, netColumns, netPlaces } from 'salvor/containers'
import { readIpvs } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'ipvs-services',
  aliases: ['ipvs', 'ipvsadm'],
  summary: 'Virtual services of IPVS with who answers for each, by network namespace',
  description:
    "As ipvsadm -Ln lists them; kube-proxy's services where it is run with IPVS. A service without destinations is one row.",
  torn: 'a destination that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor ipvs-services memory.elf', what: 'all services with their destinations' },
    { command: 'salvor ipvs-services memory.elf --columns virtual_address,port,target_pod', what: 'which pod answers' },
  ],
  key: ['net_ns', 'protocol', 'virtual_address', 'port', 'mark', 'destination', 'destination_port'],
  columns: {
    address: address('Address of the struct ip_vs_dest; of the struct ip_vs_service for one without', { detail: true }),
    ...netColumns,
    protocol: text('tcp, udp or sctp; null where packets are chosen by their mark'),
    virtual_address: text('Address that is called'),
    port: integer('Port that is called; 0 for any'),
    mark: integer('Mark of the packets that it is for, where it has no address', { detail: true }),
    scheduler: text('How a destination is chosen: rr, wrr, lc …'),
    persistence: integer('Seconds for which a client keeps its destination; null where it does not', { detail: true }),
    destination: text('Address that answers'),
    destination_port: integer('Port that answers'),
    forwarding: text('How packets get there: Masq, Local, Tunnel, Route or Bypass', { detail: true }),
    weight: integer('Weight; 0 for one that gets no new connections'),
    active: count('Active connections'),
    inactive: count('Connections that are no longer used'),
    target_container: text('Container that alone has this address', { meaning: 'container' }),
    target_container_name: text('Name of that container', { meaning: 'container_name' }),
    target_pod: text('Its Kubernetes pod, as namespace/name', { meaning: 'pod' }),
  },
  async *run({ kernel }) {
    const [placed, holders] = [netPlaces(kernel), addressHolders(kernel)]
    yield readIpvs(kernel).map(({ net_ns, ...row }) => {
      const { container, container_name, pod } = holders(row.destination)
      return {
        ...placed(net_ns),
        ...row,
        target_container: container,
        target_container_name: container_name,
        target_pod: pod,
      }
    })
  },
})
