import { defineRule, entryOf, isShell, mayBeOrphan, need, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

const REMOTE = new Set(['inet', 'inet6'])

export default defineRule({
  name: 'connection-of-entered-process',
  title: 'A process that was brought into a container is connected elsewhere',
  means:
    'It is not what the container was made for: it was started from outside while the container ran, and uses the ' +
    'container’s place in the network to reach another container, the host or what lies beyond.',
  next: [
    'See both ends in sockets and connections-tracked, and what goes over it in socket-queues',
    'Find who started it: process-tree, and the log of the container engine or of the API server',
  ],
  tactic: 'lateral-movement',
  attack: ['T1021', 'T1609'],
  kubernetes: ['MS-TA9034'],
  severity: 'medium',
  confidence: 'medium',
  reads: { sockets: need(sockets), processes: need(processes) },
  *find({ sockets, processes }, known) {
    for (const process of processes.rows) {
      // Shells have rules of their own.
      if (process.pid === null || isShell(process)) continue
      const entry = entryOf(processes, process, known)
      if (entry === null || known.byDesign(process.container) !== null) continue
      const found = sockets.where('pid', process.pid).filter(isConnected)
      const [first] = found
      if (first === undefined) continue
      const other = known.container(first.remote_container)?.name
      const whose = other
        ? `, container ${quote(other)}`
        : first.remote_comm
          ? `, ${quote(first.remote_comm)} of this host`
          : ''
      yield {
        about: process,
        severity: mayBeOrphan(processes, entry) ? 'low' : 'medium',
        summary: `${quote(process.args)} is connected to ${first.remote_address}:${first.remote_port}${whose}`,
        evidence: [...found, process],
      }
    }
  },
})

interface End {
  readonly family: string | null
  readonly state: string | null
  readonly local_address: string | null
  readonly remote_address: string | null
  readonly remote_port: number | bigint | null
}

/** To another place than its own. */
function isConnected({ family, state, local_address, remote_address, remote_port }: End): boolean {
  if (!REMOTE.has(family ?? '') || state === 'LISTEN' || remote_address === null) return false
  return (
    remote_port !== null &&
    Number(remote_port) !== 0 &&
    remote_address !== local_address &&
    remote_address !== '::1' &&
    !remote_address.startsWith('127.')
  )
}
