/** Keeping the node as it is: before anything else. */

import type { Part } from '../plan.js'
import type { PlanRequest } from '../request.js'
import { array, line, script, word } from '../shell.js'

function protectScript(request: PlanRequest): string {
  const taint = `salvor-evidence=${request.case}:NoSchedule`
  const safe = request.pods.map(({ namespace, pod }) =>
    line(
      'kubectl',
      '-n',
      namespace,
      'annotate',
      '--overwrite',
      'pod',
      pod,
      'cluster-autoscaler.kubernetes.io/safe-to-evict=false',
    ),
  )
  return script(
    [
      'Keeps the nodes as they are: nothing new comes, and nothing that runs is stopped. No node is drained, deleted or',
      'scaled in, and no taint evicts. What the API server said before is kept first.',
    ],
    `${array('nodes', request.nodes)}for node in "\${nodes[@]}"; do
  kubectl get node "$node" -o yaml >"node-$node.before.yaml"
  kubectl get pods -A -o yaml --field-selector "spec.nodeName=$node" >"pods-$node.before.yaml"
  kubectl cordon "$node"
  # NoSchedule keeps others away. NoExecute would evict the evidence: never that.
  kubectl taint --overwrite node "$node" ${word(taint)}
  kubectl label --overwrite node "$node" ${word(`salvor-case=${request.case}`)}
  kubectl annotate --overwrite node "$node" cluster-autoscaler.kubernetes.io/scale-down-disabled=true
  # Karpenter's word for the same.
  kubectl annotate --overwrite node "$node" karpenter.sh/do-not-disrupt=true
done
${safe.map((one) => `${one}\n`).join('')}`,
  )
}

/** First of all: what may happen to the node without anybody's will. */
export function protectNodes(request: PlanRequest): Part {
  return {
    files: [{ name: '1-protect-nodes.sh', executable: true, content: protectScript(request) }],
    steps: [
      {
        what: 'Keep the node and its pods as they are',
        commands: ['./1-protect-nodes.sh'],
        notes: [
          'Cordoned, tainted (NoSchedule), labelled, and out of the autoscaler’s hands. Never drain it, never delete it: both end ' +
            'the containers, and their memory with them.',
          'Controllers may still replace pods: do not roll out, do not scale down, pause GitOps for the namespaces concerned.',
        ],
      },
    ],
  }
}
