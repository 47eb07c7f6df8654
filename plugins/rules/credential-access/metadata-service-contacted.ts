import { defineRule, need, quote } from 'salvor'
import connectionsTracked from '../../network/connections-tracked.js'
import sockets from '../../network/sockets.js'

/** Where clouds give machines their credentials: AWS, Google, Azure and others by one address, AWS also by IPv6, Alibaba. */
const SERVICES = new Set(['169.254.169.254', 'fd00:ec2::254', '100.100.100.200'])

export default defineRule({
  name: 'metadata-service-contacted',
  title: 'A container asked the cloud for the credentials of its machine',
  means:
    'The metadata service gives whoever asks the role of the whole node. Agents of the cloud ask it by trade; an ' +
    'application with a role of its own has no need to.',
  next: [
    'See in socket-queues what was asked and answered',
    'Look in the cloud’s log of calls for what the node’s role did since, and from where',
  ],
  tactic: 'credential-access',
  attack: ['T1552.005'],
  severity: 'medium',
  confidence: 'medium',
  reads: { sockets: need(sockets), connections: need(connectionsTracked) },
  *find({ sockets, connections }, known) {
    const told = new Set<unknown>()
    for (const service of SERVICES) {
      for (const socket of sockets.where('remote_address', service)) {
        if (socket.container === null || told.has(socket.container)) continue
        told.add(socket.container)
        yield {
          about: socket,
          severity: severityFor(known.byDesign(socket.container)),
          summary: `${quote(socket.comm)} is connected to ${service}:${socket.remote_port}`,
          evidence: [socket],
        }
      }
      for (const connection of connections.where('destination', service)) {
        const container = connection.source_container ?? connection.container
        if (container === null || told.has(container)) continue
        told.add(container)
        yield {
          about: { container },
          severity: severityFor(known.byDesign(container)),
          summary: `It was connected to ${service}:${connection.destination_port}`,
          evidence: [connection],
        }
      }
    }
  },
})

function severityFor(design: string | null): 'info' | 'medium' {
  return design === null ? 'medium' : 'info'
}
