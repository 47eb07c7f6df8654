import { contactFinding, contactsOf, defineRule, need, optional } from 'salvor'
import connectionsTracked from '../../network/connections-tracked.js'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

/** AWS, GCP, Azure and others; AWS by IPv6; Alibaba; credentials of tasks in ECS and of pods in EKS. */
const SERVICES = new Set(['169.254.169.254', 'fd00:ec2::254', '100.100.100.200', '169.254.170.2', '169.254.170.23'])

function isTarget(address: string): boolean {
  return SERVICES.has(address)
}

export default defineRule({
  name: 'metadata-service-contacted',
  title: 'A container is connected to the metadata service of the cloud',
  means:
    'Whoever asks it gets the credentials of the machine’s role, and its user data. Libraries of the clouds ask it too.',
  next: [
    'See in the log of the cloud what the role’s keys were used for, and from where',
    'See in environment and search whether keys are in memory',
  ],
  tactic: 'credential-access',
  attack: ['T1552.005'],
  kubernetes: ['MS-TA9033'],
  severity: 'low',
  confidence: 'medium',
  reads: { processes: need(processes), sockets: need(sockets), tracked: optional(connectionsTracked) },
  *find(tables, known) {
    for (const contact of contactsOf(tables, known, isTarget)) {
      yield { ...contactFinding(contact), severity: contact.strange ? 'high' : 'low' }
    }
  },
})
