import { defineAnalyzer, flag, list, record, text, time } from 'salvor'
import { podRows } from 'salvor/containers'

export default defineAnalyzer({
  name: 'pods',
  aliases: ['crictl-pods', 'kubectl-get-pods'],
  summary: 'Kubernetes pods: containers, volumes, account, addresses, and where each value came from',
  description:
    'Pods of which there is a container, a cgroup, a log or a directory of the kubelet’s, running or not. What was asked ' +
    'for is in the engine’s records and the OCI config.json; volumes are also in the kubelet’s directories, accounts in ' +
    'the tokens that it put there. Whether a container only prepared the others nobody writes down: it is told by what ' +
    '`kubectl apply` left in an annotation, or by its end, with 0, before any other was made; what is not known to be ' +
    'another kind is among the containers.',
  torn: 'pods that were there throughout are rows; what no source tells is null.',
  examples: [
    { command: 'salvor pods memory.elf', what: 'all pods' },
    { command: 'salvor pods memory.elf --format json', what: 'the same with volumes, restarts and sources' },
  ],
  columns: {
    uid: text('Uid, as the API writes it; that of a static pod is the hash of its manifest', { nullable: false }),
    name: text('Name'),
    namespace: text('Kubernetes namespace'),
    node: text('Node, as Kubernetes calls it', { detail: true }),
    service_account: text('Service account, from the token in its own volume'),
    qos: text('Quality of service: Guaranteed, Burstable or BestEffort', { detail: true }),
    state: text('running while its sandbox or a container of it runs, else exited'),
    sandbox: text('Id of the sandbox that holds it together, the newest', { meaning: 'container', detail: true }),
    static: flag('Whether the kubelet made it of a manifest of its own, and not the API server'),
    manifest: text('Path of that manifest', { meaning: 'path', detail: true }),
    containers: list('Names of its containers'),
    init_containers: list('Names of those that only prepared it'),
    ephemeral_containers: list('Names of those that were put into another’s processes to debug it'),
    restarts: record('How often each container was made again, by its name', { detail: true }),
    volumes: record(
      'Volumes: name, kind (secret, configMap, hostPath, emptyDir, csi …), source, targets by container, device, driver',
      { detail: true },
    ),
    ips: list('Addresses of its own; those of the node where it has none'),
    host_network: flag('Whether it has the host’s network'),
    host_pid: flag('Whether it sees the host’s processes'),
    host_ipc: flag('Whether it shares the host’s IPC', { detail: true }),
    labels: record('Labels', { detail: true }),
    seen: time('When the kubelet first saw it', { detail: true }),
    started: time('When its sandbox was started'),
    sources: record('For each column, where its value came from', { detail: true }),
  },
  key: ['uid'],
  async *run({ kernel, warn }) {
    yield podRows(kernel, warn)
  },
})
