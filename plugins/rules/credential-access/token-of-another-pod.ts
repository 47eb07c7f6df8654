import { defineRule, need, quote, tokenOwner } from 'salvor'
import containers from '../../containers/containers.js'
import environment from '../../processes/environment.js'

export default defineRule({
  name: 'token-of-another-pod',
  title: 'A process carries the service account token of another pod',
  means:
    'Whoever has the token is that pod to the API server. A process gets it from the node’s files or from the other pod, ' +
    'not from Kubernetes.',
  next: [
    'Revoke it: delete the pod that it is bound to, and look at what its account may do',
    'Look in the audit log of the API server for what the account did from elsewhere',
    'Read in shell-history how the token was taken',
  ],
  tactic: 'credential-access',
  attack: ['T1528', 'T1552.007'],
  kubernetes: ['MS-TA9016'],
  severity: 'high',
  confidence: 'high',
  reads: { environment: need(environment), containers: need(containers) },
  *find({ environment, containers }) {
    for (const variable of environment.rows) {
      const owner = tokenOwner(variable.value)
      if (owner === null) continue
      const container = variable.container === null ? undefined : containers.where('id', variable.container)[0]
      const own = container?.pod_uid ?? null
      if (owner.podUid === null || owner.podUid === own) continue
      yield {
        about: variable,
        summary: `${quote(variable.name)} holds a token of ${quote(owner.account)} for the pod ${quote(owner.pod)} in ${quote(owner.namespace)}`,
        // Of a container whose pod is not known it may be its own.
        confidence: container !== undefined && own === null ? 'low' : 'high',
        severity: container !== undefined && own === null ? 'low' : 'high',
        evidence: [variable, ...(container === undefined ? [] : [container])],
      }
    }
  },
})
