import { count, defineAnalyzer, flag, integer, list, record, text, time } from 'salvor'
import { containerRows } from 'salvor/containers'

export default defineAnalyzer({
  name: 'containers',
  aliases: ['docker-ps', 'crictl-ps'],
  summary: 'Containers and pod sandboxes: name, image, state, mounts, networks, and where each value came from',
  description:
    'Docker, containerd, CRI-O and podman, on cgroup v1 and v2, nested ones too. Cgroups, namespaces and mounts tell ' +
    'what runs; the OCI config.json and state.json on the tmpfs /run, and what the page cache holds of the engines’ ' +
    'own files, tell what was declared. What no file names any more is looked for in the memory of engines and of the ' +
    'kubelet: such a source is believed last and is called carved. Processes with pid and mount namespaces, a root and a ' +
    'cgroup of their own are a container of an unknown engine where none names it. Where two sources disagree a note says so.',
  torn: 'containers with processes that were there throughout are rows. Directories that are torn are completed from the dentry hash table; what no source tells is null.',
  examples: [
    { command: 'salvor containers memory.elf', what: 'all containers' },
    { command: 'salvor containers memory.elf --container shop-web-1 --format json', what: 'one container, whole' },
  ],
  columns: {
    id: text('Container id', { meaning: 'container' }),
    name: text('Name of the container; the pod, for a sandbox', { meaning: 'container_name' }),
    kind: text('container, sandbox (what holds a pod together) or build (a step of an image build)'),
    parent: text('Id of the container around this one', { detail: true }),
    runtime: text('docker, containerd, cri-o, podman, … or unknown'),
    image: text('Image it was made from'),
    state: text('running, paused, created or exited'),
    init_pid: integer('Process id of its first process', { meaning: 'process' }),
    processes: count('Processes in its cgroup and below'),
    started: time('When it was started'),
    pod_uid: text('Uid of its Kubernetes pod, as the API writes it', { meaning: 'pod', detail: true }),
    pod_name: text('Name of its pod'),
    pod_namespace: text('Kubernetes namespace of its pod', { detail: true }),
    hostname: text('Host name it was given, else that of its UTS namespace', { detail: true }),
    privileged: flag('Whether it was started privileged'),
    capabilities: list('Capabilities it may gain', { detail: true }),
    seccomp: text('disabled, strict or filter'),
    mounts: record('Declared mounts: source, target, type, options', { detail: true }),
    networks: record('Networks: name, interface, address', { detail: true }),
    sources: record('For each column, where its value came from', { detail: true }),
    evidence: record(
      'Cached files read for this row: source, path, address of the inode (of a directory: the dentry)',
      {
        detail: true,
      },
    ),
  },
  key: ['id'],
  async *run({ kernel, warn }) {
    yield containerRows(kernel, warn)
  },
})
