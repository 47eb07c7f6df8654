import { defineAnalyzer, list, record, text } from 'salvor'
import { kubernetesRows, memberColumns } from 'salvor/containers'

export default defineAnalyzer({
  name: 'kubernetes',
  aliases: ['kubelet', 'k8s'],
  summary: 'What of Kubernetes ran here: versions, flags, configuration, certificates, and whose it is',
  description:
    'A row for the node, one for each process of the control plane and of the node, and one for each network of pods. ' +
    'Versions are the tags of images; those of the kubelet and its engine are as the kubelet told them to the API ' +
    'server. Certificates are out of cached files. A process is taken by its program’s name for what it is: where it ' +
    'runs is beside it.',
  torn: 'processes that were there throughout are rows; what no source tells is null.',
  examples: [
    { command: 'salvor kubernetes memory.elf', what: 'all parts' },
    { command: 'salvor kubernetes memory.elf --format json', what: 'the same with flags and certificates' },
  ],
  columns: {
    component: text('node, kubelet, kube-proxy, kube-apiserver, etcd, containerd, cni and so on', { nullable: false }),
    name: text('Name of the node, or of the network'),
    ...memberColumns,
    exe: text('Its program', { meaning: 'path', detail: true }),
    version: text('Version; of a network that of CNI'),
    image: text('Image that it runs from', { detail: true }),
    flags: record('Flags that it was given, by name; of a network its plugins', { detail: true }),
    config: text('Path of its configuration, as it sees it', { meaning: 'path' }),
    api_server: text('API server that its kubeconfig names'),
    node: text('Node, as Kubernetes calls it', { detail: true }),
    provider: text('EKS, AKS, GKE, OpenShift, k3s, rke2, k0s, microk8s, minikube, kind or kubeadm; of the node'),
    provider_evidence: list('What that rests on', { detail: true }),
    certificates: record(
      'Certificates in its files: path, subject, issuer, names, begins, expires, expired then, ' + 'authority, sha256',
      { detail: true },
    ),
    sources: record('For each column, where its value came from', { detail: true }),
  },
  key: ['component', 'pid', 'config'],
  async *run({ kernel }) {
    yield kubernetesRows(kernel)
  },
})
