import { contactFinding, contactsOf, defineRule, need, optional } from 'salvor'
import connectionsTracked from '../../network/connections-tracked.js'
import sockets from '../../network/sockets.js'
import environment from '../../processes/environment.js'
import processes from '../../processes/processes.js'

/** By the service’s address every pod knows it; by its own port it is called directly. */
function isApi(services: ReadonlySet<string | null>, address: string, port: number): boolean {
  return port === 6443 || (port === 443 && services.has(address))
}

export default defineRule({
  name: 'api-server-contacted',
  title: 'A container is connected to the Kubernetes API server',
  means:
    'Controllers and operators are so all the time. A shell, a client called by hand or what was brought in asks what the account of the pod may do.',
  next: [
    'See in the audit log what this pod’s account asked for',
    'See whose token it used: environment, typed-commands and the pod’s service account',
  ],
  tactic: 'discovery',
  attack: ['T1613'],
  kubernetes: ['MS-TA9029'],
  severity: 'info',
  confidence: 'medium',
  reads: {
    processes: need(processes),
    sockets: need(sockets),
    tracked: optional(connectionsTracked),
    environment: need(environment),
  },
  *find(tables, known) {
    const services = new Set(tables.environment.where('name', 'KUBERNETES_SERVICE_HOST').map(({ value }) => value))
    for (const contact of contactsOf(tables, known, (address, port) => isApi(services, address, port))) {
      yield { ...contactFinding(contact), severity: contact.strange ? 'medium' : 'info' }
    }
  },
})
