import { defineRule, entryOf, isEngineBeside, isOddPlace, need, optional, programName, quote } from 'salvor'
import sockets from '../../network/sockets.js'
import processes from '../../processes/processes.js'

const CLIENTS =
  /^(?:kubectl|crictl|docker|nerdctl|ctr|podman|helm|etcdctl|kubeadm|kubeletctl|calicoctl|k9s|oc|aws|gcloud|az)$/

/** States of sockets that nobody is at the other end of. */
const UNCONNECTED = new Set<string | null>([null, 'LISTEN', 'CLOSE'])

export default defineRule({
  name: 'management-client-in-container',
  title: 'A client for the cluster, the container engine or the cloud runs in a container',
  means:
    'With the token of the pod or a socket of the host it commands what lies around the container. Build and deploy jobs do ' +
    'that for a living; an application does not. One that is connected with nothing but an engine inside of its own container ' +
    '(Docker in Docker, a node of kind) commands nothing around it.',
  next: [
    'See its arguments, and the server that it is connected to in sockets',
    'Compare with the audit log of the API server: what was asked by this account at that time',
  ],
  tactic: 'execution',
  attack: ['T1609', 'T1610', 'T1613'],
  kubernetes: ['MS-TA9029'],
  severity: 'low',
  confidence: 'medium',
  reads: { processes: need(processes), sockets: optional(sockets) },
  *find({ processes, sockets }, known) {
    for (const process of processes.rows) {
      if (process.container === null || !CLIENTS.test(programName(process))) continue
      const entered = entryOf(processes, process, known) !== null
      const odd = isOddPlace(process.exe)
      const connections = sockets?.where('pid', process.pid).filter(({ state }) => !UNCONNECTED.has(state)) ?? []
      const inside = connections.filter(({ remote_pid }) =>
        processes.where('pid', remote_pid).some((engine) => isEngineBeside(engine, process)),
      )
      const own = connections.length > 0 && inside.length === connections.length && !odd
      const how = own ? ', for an engine in the same container' : entered ? ', brought in from outside' : ''
      yield {
        about: process,
        severity: own ? 'info' : entered || odd ? 'medium' : 'low',
        summary: `${quote(process.args)} runs in the container${how}`,
        evidence: own ? [process, ...inside] : [process],
      }
    }
  },
})
