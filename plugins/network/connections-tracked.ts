import { address, bytes, count, defineAnalyzer, integer, isoTime, list, text, time } from 'salvor'
import { addressHolders, netColumns, netPlaces } from 'salvor/containers'
import { readConnections } from 'salvor/kernel'

export default defineAnalyzer({
  name: 'connections-tracked',
  aliases: ['conntrack', 'nf-conntrack'],
  summary: 'Connections that netfilter keeps track of, with both directions and the containers at both ends',
  description:
    'The table of connections of all network namespaces, as /proc/net/nf_conntrack shows each its own. Where an address ' +
    'was translated, answers come from where packets were really sent: reply_source is the target behind a published port ' +
    'or a service. Entries stay for a while after a connection ended.',
  torn: 'a connection that was tracked throughout is one row.',
  examples: [
    { command: 'salvor connections-tracked memory.elf', what: 'all connections' },
    { command: 'salvor connections-tracked memory.elf --wide --sort net_ns', what: 'with marks, zones and counters' },
  ],
  columns: {
    address: address('Address of the struct nf_conn', { detail: true }),
    ...netColumns,
    protocol: text('tcp, udp, icmp, icmpv6, sctp, dccp, gre … or a number'),
    state: text('State of a TCP, SCTP or DCCP connection'),
    source: text('Address of who began'),
    source_port: integer('Port of who began'),
    destination: text('Address that was called'),
    destination_port: integer('Port that was called'),
    reply_source: text('Address that answers come from'),
    reply_source_port: integer('Port that answers come from'),
    reply_destination: text('Address that answers go to'),
    reply_destination_port: integer('Port that answers go to'),
    icmp: text('Type, code and id of an ICMP exchange', { detail: true }),
    status: list('SEEN_REPLY, ASSURED, CONFIRMED, SRC_NAT, DST_NAT, DYING …'),
    timeout: integer('Seconds until it is forgotten; below zero where nobody has looked since', { detail: true }),
    mark: integer('Mark of the connection', { detail: true }),
    zone: integer('Zone', { detail: true }),
    source_container: text('Container that alone has the source address', { meaning: 'container' }),
    source_container_name: text('Name of that container', { meaning: 'container_name' }),
    source_pod: text('Its Kubernetes pod, as namespace/name', { meaning: 'pod', detail: true }),
    target_container: text('Container that alone has the address answers come from', { meaning: 'container' }),
    target_container_name: text('Name of that container', { meaning: 'container_name' }),
    target_pod: text('Its Kubernetes pod, as namespace/name', { meaning: 'pod', detail: true }),
    sent_packets: count('Packets of who began, where they are counted', { detail: true }),
    sent_bytes: bytes('Bytes of who began, where they are counted', { detail: true }),
    received_packets: count('Packets of the answers, where they are counted', { detail: true }),
    received_bytes: bytes('Bytes of the answers, where they are counted', { detail: true }),
    started: time('When it began, where that is noted', { detail: true }),
  },
  async *run({ kernel }) {
    const placed = netPlaces(kernel)
    const holders = addressHolders(kernel)
    yield readConnections(kernel).map(
      ({ net_ns, original, reply, timeout, sent, received, started, ...connection }) => {
        const [source, target] = [holders(original.source), holders(reply.source)]
        return {
          ...connection,
          ...placed(net_ns),
          ...original,
          reply_source: reply.source,
          reply_source_port: reply.source_port,
          reply_destination: reply.destination,
          reply_destination_port: reply.destination_port,
          timeout: timeout === null ? null : Math.round(timeout),
          source_container: source.container,
          source_container_name: source.container_name,
          source_pod: source.pod,
          target_container: target.container,
          target_container_name: target.container_name,
          target_pod: target.pod,
          sent_packets: sent?.packets ?? null,
          sent_bytes: sent?.bytes ?? null,
          received_packets: received?.packets ?? null,
          received_bytes: received?.bytes ?? null,
          started: started === null ? null : isoTime(started),
        }
      },
    )
  },
})
