/** Checkpoints of pods, asked of the kubelet through the API server. */

import type { Part } from '../plan.js'
import type { PlanRequest, PodName } from '../request.js'
import { line, script, word } from '../shell.js'
import { because, documents } from '../yaml.js'
import { type Fields, job, labels, metadata, nodeName, podFields, type Runs } from './pods.js'

const CHECKPOINTS = 'salvor-checkpoints'
/** Where the kubelet writes the archives of checkpoints: its root directory may be elsewhere. */
const CHECKPOINT_FOLDER = '/var/lib/kubelet/checkpoints'

/** Delivers the archives that the kubelet has written; no more rights than to read their folder. */
function checkpointObjects(request: PlanRequest): Fields[] {
  const runs: Runs = {
    name: 'deliver',
    environment: [nodeName('SALVOR_NAME'), nodeName('SALVOR_NODE'), { name: 'SALVOR_FILES', value: '/checkpoints' }],
    security: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsUser: 0,
      capabilities: because('The archives are readable by root alone.', { drop: ['ALL'], add: ['DAC_READ_SEARCH'] }),
    },
    volumes: [{ name: 'checkpoints', hostPath: { path: CHECKPOINT_FOLDER, type: 'Directory' } }],
    mounts: [{ name: 'checkpoints', mountPath: '/checkpoints', readOnly: true }],
  }
  return request.nodes.map((node, index) =>
    job(
      request,
      request.nodes.length === 1 ? CHECKPOINTS : `${CHECKPOINTS}-${index + 1}`,
      node,
      podFields(request, runs),
    ),
  )
}

/** Rights to ask the kubelets of these nodes for checkpoints, through the API server. */
function checkpointRights(request: PlanRequest): Fields[] {
  const role = `${CHECKPOINTS}-${request.namespace}`
  const account = metadata(request, CHECKPOINTS)
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account, automountServiceAccountToken: false },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: role, labels: labels(request) },
      rules: because(
        'create on nodes/proxy lets its holder run anything in any pod of the node: it is for these nodes alone, by a ' +
          'token of minutes, and is deleted with the plan.',
        [
          {
            apiGroups: [''],
            resources: ['nodes/proxy', 'nodes/checkpoint'],
            resourceNames: request.nodes,
            verbs: ['create'],
          },
        ],
      ),
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: role, labels: labels(request) },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name: CHECKPOINTS, namespace: request.namespace }],
    },
  ]
}

function checkpointLines({ namespace, pod, container: one }: PodName): string {
  const of = `-n ${word(namespace)} get pod ${word(pod)}`
  const node = `node=$(kubectl ${of} -o 'jsonpath={.spec.nodeName}')\n`
  const ask = (name: string) => `checkpoint "$node" ${word(namespace)} ${word(pod)} ${name}\n`
  if (one !== null) return node + ask(word(one))
  return `${node}for container in $(kubectl ${of} -o 'jsonpath={.spec.containers[*].name}'); do\n  ${ask('"$container"')}done\n`
}

function checkpointScript(request: PlanRequest): string {
  const account = line('kubectl', '-n', request.namespace, 'create', 'token', CHECKPOINTS, '--duration', '10m')
  return script(
    [
      'Asks the kubelet for a checkpoint of each container: processes, memory and changed files of it alone, by CRIU. The',
      'container goes on. The archive lies on the node until it is delivered.',
    ],
    `config=$(mktemp)
trap 'rm -f "$config"' EXIT
of_cluster() { kubectl config view --minify --raw --flatten -o "jsonpath={.clusters[0].cluster.$1}"; }
# The token goes by a file for the owner alone: in a command line everybody would see it.
cat >"$config" <<CONFIG
apiVersion: v1
kind: Config
current-context: evidence
contexts: [{name: evidence, context: {cluster: evidence, user: evidence}}]
clusters:
- name: evidence
  cluster: {server: "$(of_cluster server)", certificate-authority-data: "$(of_cluster certificate-authority-data)"}
users: [{name: evidence, user: {token: "$(${account})"}}]
CONFIG
failed=0
checkpoint() {
  echo "checkpoint of $2/$3/$4 on $1" >&2
  kubectl --kubeconfig "$config" create --raw "/api/v1/nodes/$1/proxy/checkpoint/$2/$3/$4" -f /dev/null || failed=1
}

${request.pods.map(checkpointLines).join('')}[ "$failed" = 0 ]
`,
  )
}

/** The pods that were named. */
export function checkpoints(request: PlanRequest): Part {
  if (request.pods.length === 0) return {}
  return {
    files: [
      { name: '3-checkpoint-rights.yaml', content: documents(checkpointRights(request)) },
      { name: '3-checkpoint.sh', executable: true, content: checkpointScript(request) },
      { name: '3-checkpoint-deliver.yaml', content: documents(checkpointObjects(request)) },
    ],
    privileges: [
      {
        what: 'create on nodes/proxy and nodes/checkpoint of these nodes, for a token of ten minutes',
        why: 'a checkpoint is asked of the kubelet, through the API server',
        without: 'there are no checkpoints; memory of the whole node holds these processes as well',
      },
      {
        what: `${CHECKPOINT_FOLDER} of the node, read-only, by a pod with no capability but DAC_READ_SEARCH`,
        why: 'the kubelet leaves the archives there',
        without: 'fetch them from the node by hand',
      },
    ],
    steps: [
      {
        what: 'Checkpoint the pods, where the kubelet can',
        commands: [
          'kubectl apply -f 3-checkpoint-rights.yaml',
          './3-checkpoint.sh',
          'kubectl apply -f 3-checkpoint-deliver.yaml',
          'kubectl delete -f 3-checkpoint-rights.yaml',
        ],
        notes: [
          'After memory: CRIU stops the container for a moment, works inside it, and writes to the node’s disk.',
          'It needs the feature ContainerCheckpoint (on by default from Kubernetes 1.30), CRIU on the node, and CRI-O or ' +
            'containerd 2.0. 404 is a kubelet without it, 500 a runtime without it.',
          '403 is the kubelet’s answer to the API server itself where that has no right to nodes/checkpoint: the role ' +
            'system:kubelet-api-admin does not have it.',
        ],
      },
    ],
  }
}
