import { defineRule, entryOf, isOddPlace, need, programName, quote } from 'salvor'
import processes from '../../processes/processes.js'

const CLIENTS =
  /^(?:kubectl|crictl|docker|nerdctl|ctr|podman|helm|etcdctl|kubeadm|kubeletctl|calicoctl|k9s|oc|aws|gcloud|az)$/

export default defineRule({
  name: 'management-client-in-container',
  title: 'A client for the cluster, the container engine or the cloud runs in a container',
  means:
    'With the token of the pod or a socket of the host it commands what lies around the container. Build and deploy jobs do ' +
    'that for a living; an application does not.',
  next: [
    'See its arguments, and the server that it is connected to in sockets',
    'Compare with the audit log of the API server: what was asked by this account at that time',
  ],
  tactic: 'execution',
  attack: ['T1609', 'T1610', 'T1613'],
  kubernetes: ['MS-TA9029'],
  severity: 'low',
  confidence: 'medium',
  reads: { processes: need(processes) },
  *find({ processes }, known) {
    for (const process of processes.rows) {
      if (process.container === null || !CLIENTS.test(programName(process))) continue
      const entered = entryOf(processes, process, known) !== null
      yield {
        about: process,
        severity: entered || isOddPlace(process.exe) ? 'medium' : 'low',
        summary: `${quote(process.args)} runs in the container${entered ? ', brought in from outside' : ''}`,
        evidence: [process],
      }
    }
  },
})
