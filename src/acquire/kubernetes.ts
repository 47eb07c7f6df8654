/** The objects that a cluster is given, and what is done to the node around them. */

import { deliveredNames, EVIDENCE, settings, template, URLS } from './capture.js'
import type { Part, Privilege } from './plan.js'
import type { PlanRequest, PodName } from './request.js'
import { array, exported, line, script, word } from './shell.js'
import { type Because, because, documents, type Yaml } from './yaml.js'

/** What the objects are called. */
const NAME = 'salvor-capture'
const CHECKPOINTS = 'salvor-checkpoints'
const WORK = '/work'
/** Where the kubelet writes the archives of checkpoints: its root directory may be elsewhere. */
const CHECKPOINT_FOLDER = '/var/lib/kubelet/checkpoints'

type Fields = { readonly [key: string]: Yaml | Because }

function labels({ case: name }: PlanRequest): { readonly [key: string]: string } {
  return { 'app.kubernetes.io/name': 'salvor-acquire', 'salvor-case': name }
}

function metadata(request: PlanRequest, name: string, more: Fields = {}): Fields {
  return { name, namespace: request.namespace, labels: labels(request), ...more }
}

function namespaceObjects(request: PlanRequest): Fields[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: request.namespace,
        labels: {
          ...labels(request),
          'pod-security.kubernetes.io/enforce': because(
            'Admission would refuse the pod elsewhere; this namespace has nothing else in it.',
            'privileged',
          ),
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(
        request,
        NAME,
        request.role === null
          ? {}
          : {
              annotations: because(
                'The role may write objects below the prefix, and nothing else: neither read nor delete nor list.',
                { 'eks.amazonaws.com/role-arn': request.role },
              ),
            },
      ),
      automountServiceAccountToken: because('The pod asks the API server for nothing.', false),
    },
  ]
}

function scriptObject(request: PlanRequest): Fields {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(request, NAME),
    data: { 'capture.sh': template('capture.sh') },
  }
}

/** The volumes of a pod and where its container has them. */
function volumes({ to }: PlanRequest): { volumes: Yaml[]; mounts: Yaml[] } {
  const shared: Yaml[] = [
    { name: 'script', configMap: { name: NAME } },
    {
      name: 'work',
      emptyDir: because('Hashes and the manifest, in memory: the disk stays as it is.', {
        medium: 'Memory',
        sizeLimit: '64Mi',
      }),
    },
  ]
  const mounts: Yaml[] = [
    { name: 'script', mountPath: '/plan', readOnly: true },
    { name: 'work', mountPath: WORK },
  ]
  const evidence = { name: 'evidence', mountPath: EVIDENCE }
  switch (to.kind) {
    case 's3':
      return { volumes: shared, mounts }
    case 'folder':
      return {
        volumes: [
          ...shared,
          {
            name: 'evidence',
            hostPath: because('It must be there: a mistyped name makes no folder on the evidence.', {
              path: to.path,
              type: 'Directory',
            }),
          },
        ],
        mounts: [...mounts, evidence],
      }
    case 'claim':
      return {
        volumes: [...shared, { name: 'evidence', persistentVolumeClaim: { claimName: to.name } }],
        mounts: [...mounts, evidence],
      }
    case 'presigned':
      return {
        volumes: [
          ...shared,
          { name: 'evidence', emptyDir: {} },
          { name: 'urls', secret: { secretName: 'salvor-urls', defaultMode: 0o400 } },
        ],
        mounts: [...mounts, evidence, { name: 'urls', mountPath: '/urls', readOnly: true }],
      }
  }
}

interface Runs {
  readonly name: string
  readonly environment: readonly Yaml[]
  readonly security: Yaml
  readonly volumes?: readonly Yaml[]
  readonly mounts?: readonly Yaml[]
}

function container(request: PlanRequest, runs: Runs): Yaml {
  const { mounts } = volumes(request)
  const places = { folder: EVIDENCE, urls: URLS }
  const fixed = {
    ...settings(request, places),
    SALVOR_WORK: WORK,
    HOME: WORK,
    ...(request.region === null ? {} : { AWS_REGION: request.region }),
  }
  return {
    name: runs.name,
    image: request.image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/bin/bash', '/plan/capture.sh'],
    // A dollar would be a reference to another variable.
    env: [
      ...Object.entries(fixed).map(([name, value]) => ({ name, value: value.replaceAll('$', '$$$$') })),
      ...runs.environment,
    ],
    securityContext: runs.security,
    volumeMounts: [...mounts, ...(runs.mounts ?? [])],
  }
}

const nodeName = (name: string): Yaml => ({ name, valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } })

/** What every pod of the plan has. */
function podFields(request: PlanRequest, runs: Runs): Fields {
  return {
    serviceAccountName: NAME,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 5,
    tolerations: because('The node is tainted so that nothing else comes to it.', [{ operator: 'Exists' }]),
    containers: [container(request, runs)],
    volumes: [...volumes(request).volumes, ...(runs.volumes ?? [])],
  }
}

const CAPTURE: Runs = {
  name: 'capture',
  environment: [nodeName('SALVOR_NAME'), nodeName('SALVOR_NODE')],
  security: {
    privileged: because(
      'AVML reads /proc/kcore, which is hidden from other containers and needs CAP_SYS_RAWIO, and the true addresses in ' +
        '/proc/iomem, which need CAP_SYS_ADMIN.',
      true,
    ),
    runAsUser: because('Both are for root alone.', 0),
    readOnlyRootFilesystem: because('Nothing is written but to the volumes below.', true),
  },
}

function capturePod(request: PlanRequest, runs: Runs): Fields {
  return {
    hostPID: because(
      'The process with id 1 is then the host’s: its machine id goes into the manifest, and what runs on the host into the facts.',
      true,
    ),
    ...podFields(request, runs),
  }
}

/** A Job: it ends, its log stays, and a pod that failed is not tried again on memory that it has changed. */
function job(request: PlanRequest, name: string, node: string, pod: Fields): Fields {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata(request, name),
    spec: {
      backoffLimit: because('Each try changes memory: a second one is for a person to decide.', 0),
      template: {
        metadata: { labels: labels(request) },
        spec: {
          nodeName: because(
            'Named here, the pod goes past the scheduler: a cordoned node takes it, and no other pod is preempted for it.',
            node,
          ),
          restartPolicy: 'Never',
          ...pod,
        },
      },
    },
  }
}

/** A DaemonSet would start its pods again when they end: they stay, and take memory once. */
function daemonSet(request: PlanRequest): Fields {
  const pod = capturePod(request, {
    ...CAPTURE,
    environment: [...CAPTURE.environment, { name: 'SALVOR_STAY', value: '1' }],
  })
  const { tolerations, ...rest } = pod
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: metadata(request, NAME),
    spec: {
      selector: { matchLabels: labels(request) },
      updateStrategy: because('A changed plan must not end a capture that runs.', { type: 'OnDelete' }),
      template: {
        metadata: { labels: labels(request) },
        spec: {
          affinity: because('These nodes and no others.', {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: request.nodes.map((node) => ({
                  matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }],
                })),
              },
            },
          }),
          tolerations: tolerations as Because,
          ...rest,
        },
      },
    },
  }
}

function captureObjects(request: PlanRequest): Fields[] {
  const [first = '', ...others] = request.nodes
  const workload = others.length === 0 ? job(request, NAME, first, capturePod(request, CAPTURE)) : daemonSet(request)
  return [scriptObject(request), workload]
}

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

const SPOOL_LIMIT =
  'With presigned URLs the image is put together on the node’s own disk first, for one PUT needs its length: that ' +
  'overwrites free space of the disk. One PUT takes 5 GiB; a larger image stays on the node and the manifest is not written.'

function delivers({ to }: PlanRequest): { privileges: Privilege[]; notes: string[] } {
  switch (to.kind) {
    case 's3':
      return {
        privileges: [
          {
            what: `s3:PutObject and s3:AbortMultipartUpload below ${to.uri}`,
            why: 'the image is streamed into the bucket while it is read; nothing of it touches the node’s disk',
            without: 'deliver to a volume or by presigned URLs',
          },
        ],
        notes: [
          'A bucket with Object Lock and versioning keeps what arrives from being changed. Let the role write and nothing else: ' +
            'whoever holds the node can use it too.',
        ],
      }
    case 'presigned':
      return {
        privileges: [
          {
            what: 'a Secret with presigned URLs, one for each file',
            why: 'each lets its holder write one object, for as long as it is valid',
            without: 'deliver by a role or to a volume',
          },
        ],
        notes: [SPOOL_LIMIT],
      }
    case 'folder':
      return {
        privileges: [
          {
            what: `the node’s folder ${to.path}, writable`,
            why: 'the image is written there',
            without: 'deliver to a bucket or a claim',
          },
        ],
        notes: [
          'The folder must be there, and should be a disk of its own: a file as large as the memory overwrites deleted data of ' +
            'the disk that it is on, and its pages push others out of memory while it is taken.',
        ],
      }
    case 'claim':
      return {
        privileges: [
          { what: `the claim ${to.name}, writable`, why: 'the image is written there', without: 'deliver to a bucket' },
        ],
        notes: [
          'The claim must be in the namespace of the plan and bind on the node; mounting it changes the node a little.',
        ],
      }
  }
}

/** The pod that takes memory. */
export function capture(request: PlanRequest): Part {
  const { privileges, notes } = delivers(request)
  const many = request.nodes.length > 1
  const urls = request.nodes.flatMap((node) => deliveredNames(node, request.compress))
  const secret =
    request.to.kind !== 'presigned'
      ? []
      : [
          `# urls: a line "NAME URL" for each of ${urls.join(', ')}`,
          `${line('kubectl', '-n', request.namespace, 'create', 'secret', 'generic', 'salvor-urls')} --from-file=urls=/dev/stdin <urls`,
        ]
  const waiting = many
    ? [
        `kubectl -n ${request.namespace} logs -l app.kubernetes.io/name=salvor-acquire --prefix --tail=-1 | tee capture.log`,
      ]
    : [
        `kubectl -n ${request.namespace} wait --for=condition=complete --timeout=6h job/${NAME}`,
        `kubectl -n ${request.namespace} logs job/${NAME} | tee capture.log`,
      ]
  return {
    files: [
      { name: '2-namespace.yaml', content: documents(namespaceObjects(request)) },
      { name: '2-capture.yaml', content: documents(captureObjects(request)) },
    ],
    privileges: [
      {
        what: 'privileged (root, all capabilities)',
        why:
          'AVML reads /proc/kcore, which is hidden from other containers and needs CAP_SYS_RAWIO, and the true addresses ' +
          'in /proc/iomem, which need CAP_SYS_ADMIN',
        without: 'there is no image of memory',
      },
      {
        what: 'hostPID',
        why: 'the manifest has the machine id of the host, and the facts beside the image what ran on it',
        without: 'the image is the same, and less is known of where it is from',
      },
      {
        what: `the namespace ${request.namespace} with the pod security level privileged`,
        why: 'admission refuses the pod elsewhere; a namespace of its own keeps the exception from all others',
        without: 'the pod is not admitted',
      },
      {
        what: 'a toleration of all taints, and the node by name',
        why: 'the node is tainted and cordoned by then',
        without: 'the pod is not started, or is started elsewhere',
      },
      ...privileges,
    ],
    steps: [
      {
        what: `Take the memory of ${many ? 'the nodes' : 'the node'}`,
        commands: [
          'kubectl apply -f 2-namespace.yaml',
          ...secret,
          'kubectl apply --dry-run=server -f 2-capture.yaml',
          'kubectl apply -f 2-capture.yaml',
          ...waiting,
        ],
        notes: [
          'Look at 2-capture.yaml first: it is short, says why each part is there, and has the whole script that is run. ' +
            'A server-side dry run says beforehand whether admission lets it in.',
          ...notes,
          `The log ends with the hash of ${many ? 'each' : 'the'} manifest: keep capture.log apart from the bucket or volume.`,
          'Taking memory writes memory: the pod, its image and its pages displace others. It is once, and first.',
          ...(many ? ['The pods stay when they are done; delete the DaemonSet when all logs are kept.'] : []),
        ],
      },
    ],
    limits: [
      'A kernel in lockdown (secure boot on some distributions, Bottlerocket) lets nobody read its memory: AVML says so, and ' +
        'then only snapshots by the hypervisor or checkpoints are left.',
      'The image is torn: the host goes on while it is read. `salvor info` counts how much.',
    ],
  }
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

/** What the API server knows. */
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
