import { contactFinding, contactsOf, defineRule, need, optional } from 'salvor'
import connectionsTracked from '../../network/connections-tracked.js'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

/** kubelet with and without authentication, etcd for clients. */
const PORTS = new Set([10250, 10255, 2379])

function isTarget(address: string, port: number): boolean {
  return PORTS.has(port) && !address.startsWith('127.')
}

export default defineRule({
  name: 'kubelet-contacted',
  title: 'A container is connected to a kubelet or to etcd',
  means:
    'The kubelet runs commands in every pod of its node, and etcd holds every secret of the cluster. Collectors of metrics ask the kubelet; hardly anything asks etcd but the API server.',
  next: [
    'See what was asked: the log of the kubelet, and unread bytes in socket-queues',
    'See whether the kubelet lets in who has no name: its arguments and configuration',
  ],
  tactic: 'discovery',
  attack: ['T1613', 'T1609'],
  kubernetes: ['MS-TA9030'],
  severity: 'low',
  confidence: 'medium',
  reads: { processes: need(processes), sockets: need(sockets), tracked: optional(connectionsTracked) },
  *find(tables, known) {
    for (const contact of contactsOf(tables, known, isTarget)) {
      yield { ...contactFinding(contact), severity: contact.strange ? 'high' : 'low' }
    }
  },
})
