/** What the API server knows. */

import { template } from '../capture.js'
import type { Part } from '../plan.js'
import type { PlanRequest } from '../request.js'
import { array, exported, script } from '../shell.js'

function recordsScript(request: PlanRequest): string {
  return script(
    [
      'Secures what the API server knows, into the folder that is named: objects, events, logs of the pods on the nodes.',
      'Secrets are listed by name only.',
    ],
    `${exported({ SALVOR_CASE: request.case, SALVOR_NAME: request.nodes[0] ?? 'cluster' })}
${template('records.sh')}record version.json kubectl version -o json
record nodes.json kubectl get nodes -o json
record pods.json kubectl get pods -A -o json
record events.json kubectl get events -A -o json
record workloads.json kubectl get deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs -A -o json
record services.json kubectl get services,endpoints,ingresses,networkpolicies -A -o json
record accounts.json kubectl get serviceaccounts,roles,rolebindings -A -o json
record cluster-roles.json kubectl get clusterroles,clusterrolebindings -o json
record webhooks.json kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o json
record config-maps.json kubectl get configmaps -A -o json
record secrets.txt kubectl get secrets -A
${array('nodes', request.nodes)}for node in "\${nodes[@]}"; do
  kubectl get pods -A --field-selector "spec.nodeName=$node" --no-headers \\
    -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name |
    while read -r namespace pod; do printf '%s %s\\n' "$namespace" "$pod"; done >"$out/.pods"
  while read -r namespace pod; do
    record "log-$namespace-$pod.txt" kubectl -n "$namespace" logs "$pod" --all-containers --timestamps --prefix </dev/null
    # Of containers that were started again: many were not, and then there is none.
    if kubectl -n "$namespace" logs "$pod" --all-containers --previous --limit-bytes 1 >/dev/null 2>&1 </dev/null; then
      record "log-$namespace-$pod.previous.txt" \\
        kubectl -n "$namespace" logs "$pod" --all-containers --previous --timestamps --prefix </dev/null
    fi
  done <"$out/.pods"
  rm -f "$out/.pods"
done
finish
`,
  )
}

/** Its records, into a folder with a manifest of its own. */
export function clusterRecords(request: PlanRequest): Part {
  return {
    files: [{ name: '4-cluster-records.sh', executable: true, content: recordsScript(request) }],
    privileges: [
      {
        what: 'get and list of objects and logs, of the responder',
        why: 'objects and events are gone after an hour or with the pod',
        without: 'records that could not be had are told, and the manifest says that it is not complete',
      },
    ],
    steps: [
      {
        what: 'Secure what the API server knows',
        commands: ['./4-cluster-records.sh cluster-records'],
        notes: [
          'The audit log of a control plane of your own lies where --audit-log-path of kube-apiserver says, on its hosts: copy and hash it.',
          '`salvor findings --evidence cluster-records/pods.json` joins what was declared with what runs.',
        ],
      },
    ],
  }
}
