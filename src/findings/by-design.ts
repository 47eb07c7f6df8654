/**
 * Containers that are privileged by design. A name alone proves nothing: what is named here must be of its registry, in a
 * namespace in which it is installed, and its first process must run the program that the image has at that place.
 */

import type { KnownContainer } from '../api/rule.js'

interface Design {
  /** Repositories of the image, without tag and digest. */
  readonly images: readonly (string | RegExp)[]
  /** Kubernetes namespaces in which it is installed. */
  readonly namespaces: readonly string[]
  /** Program of its first process. */
  readonly program: RegExp
  /** Its first argument, where that program is a shell. */
  readonly script?: string
  readonly what: string
}

/** What a container's first process runs. */
export interface FirstProcess {
  readonly exe: string | null
  readonly args: readonly string[] | null
}

/**
 * Accounts whose registries have the images of EKS, one for each of its regions that has its own: its user guide, "View Amazon
 * container image registries for Amazon EKS add-ons" (add-ons-images). Anybody may have another.
 */
const EKS_ACCOUNTS =
  '013241004608|066635153087|121268973566|151610086707|151742754352|296578399912|333609536671|455263428931|491585149902|' +
  '533267051163|558608220178|590381155156|602401143452|730335286997|759879836304|761377655185|800184023465|877085696533|' +
  '877088126301|900612956339|900889452093|918309763551|961992271922'

function ofEks(name: string): RegExp {
  return new RegExp(
    `^(?:${EKS_ACCOUNTS})\\.dkr\\.ecr(?:-fips)?\\.[a-z0-9-]{1,32}\\.amazonaws\\.(?:com(?:\\.cn)?|eu)/${name}$`,
  )
}

const KUBE = ['kube-system']
const OBSERVED = ['kube-system', 'monitoring', 'observability', 'prometheus', 'logging']

/** From the projects' own manifests and charts. */
const DESIGNS: readonly Design[] = [
  {
    images: [
      ...['registry.k8s.io/kube-proxy', 'k8s.gcr.io/kube-proxy', 'gke.gcr.io/kube-proxy-amd64'],
      ...['mcr.microsoft.com/oss/kubernetes/kube-proxy', 'public.ecr.aws/eks-distro/kubernetes/kube-proxy'],
      ofEks('eks/kube-proxy'),
    ],
    namespaces: KUBE,
    program: /^\/usr\/(?:local\/)?bin\/kube-proxy$/,
    what: 'kube-proxy writes the node’s firewall',
  },
  {
    images: [
      /^(?:registry\.k8s\.io|k8s\.gcr\.io)\/(?:etcd|kube-(?:apiserver|controller-manager|scheduler))$/,
      /^(?:index\.)?docker\.io\/rancher\/hardened-(?:kubernetes|etcd)$/,
    ],
    namespaces: KUBE,
    program: /^\/usr\/local\/bin\/(?:etcd|kube-(?:apiserver|controller-manager|scheduler))$/,
    what: 'the control plane has the keys of the cluster',
  },
  // Networks of pods.
  {
    images: ['quay.io/cilium/cilium'],
    namespaces: ['kube-system', 'cilium'],
    program: /^\/usr\/bin\/cilium-agent$/,
    what: 'the network plugin Cilium',
  },
  {
    images: ['docker.io/calico/node', 'quay.io/calico/node', 'mcr.microsoft.com/oss/calico/node'],
    namespaces: ['kube-system', 'calico-system'],
    program: /^\/(?:usr\/(?:local\/)?)?s?bin\/(?:runsvdir|calico-node)$/,
    what: 'the network plugin Calico',
  },
  {
    images: [
      ...['docker.io/flannel/flannel', 'ghcr.io/flannel-io/flannel', 'quay.io/coreos/flannel'],
      'docker.io/rancher/mirrored-flannelcni-flannel',
    ],
    namespaces: ['kube-flannel', 'kube-system'],
    program: /^\/opt\/bin\/flanneld$/,
    what: 'the network plugin Flannel',
  },
  {
    images: ['docker.io/weaveworks/weave-kube', 'ghcr.io/weaveworks/launcher/weave-kube'],
    namespaces: KUBE,
    program: /^\/bin\/busybox$/,
    script: '/home/weave/launch.sh',
    what: 'the network plugin Weave Net',
  },
  {
    images: [ofEks('amazon-k8s-cni')],
    namespaces: KUBE,
    program: /^\/app\/aws-(?:vpc-cni|k8s-agent)$/,
    what: 'the network plugin of EKS',
  },
  {
    images: [ofEks('amazon/aws-network-policy-agent')],
    namespaces: KUBE,
    program: /^\/controller$/,
    what: 'the network plugin of EKS, for policies',
  },
  {
    images: ['mcr.microsoft.com/containernetworking/azure-cns', 'mcr.microsoft.com/containernetworking/azure-npm'],
    namespaces: KUBE,
    program: /^\/usr\/(?:local\/)?bin\/azure-(?:cns|npm)$/,
    what: 'the network plugin of AKS',
  },
  {
    images: ['docker.io/cloudnativelabs/kube-router'],
    namespaces: KUBE,
    program: /^\/usr\/local\/bin\/kube-router$/,
    what: 'the network plugin kube-router',
  },
  // Storage.
  {
    images: [/^registry\.k8s\.io\/sig-storage\/[\w-]*csi[\w-]*$/],
    namespaces: [...KUBE, 'gce-pd-csi-driver', 'rook-ceph', 'ceph-csi', 'ceph-csi-rbd', 'ceph-csi-cephfs'],
    program: /^\/[\w-]*csi[\w-]*$/,
    what: 'a storage plugin',
  },
  {
    images: ['public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver', ofEks('eks/aws-ebs-csi-driver')],
    namespaces: KUBE,
    program: /^\/bin\/aws-ebs-csi-driver$/,
    what: 'the storage plugin for EBS',
  },
  {
    images: [
      ...['public.ecr.aws/efs-csi-driver/amazon/aws-efs-csi-driver', 'docker.io/amazon/aws-efs-csi-driver'],
      ofEks('eks/aws-efs-csi-driver'),
    ],
    namespaces: KUBE,
    program: /^\/bin\/aws-efs-csi-driver$/,
    what: 'the storage plugin for EFS',
  },
  {
    images: [
      'registry.k8s.io/cloud-provider-gcp/gcp-compute-persistent-disk-csi-driver',
      'gke.gcr.io/gcp-compute-persistent-disk-csi-driver',
    ],
    namespaces: ['kube-system', 'gce-pd-csi-driver'],
    program: /^\/gce-pd-csi-driver$/,
    what: 'the storage plugin for disks of Google’s cloud',
  },
  {
    images: [/^mcr\.microsoft\.com\/oss(?:\/v2)?\/kubernetes-csi\/azure(?:disk|file)-csi$/],
    namespaces: KUBE,
    program: /^\/azure(?:disk|file)plugin$/,
    what: 'the storage plugin for disks and files of Azure',
  },
  {
    images: ['quay.io/cephcsi/cephcsi'],
    namespaces: ['rook-ceph', 'ceph-csi', 'ceph-csi-rbd', 'ceph-csi-cephfs', 'kube-system'],
    program: /^\/usr\/local\/bin\/cephcsi$/,
    what: 'the storage plugin for Ceph',
  },
  // What watches the node.
  {
    images: ['quay.io/prometheus/node-exporter', 'docker.io/prom/node-exporter'],
    namespaces: [...OBSERVED, 'openshift-monitoring', 'node-exporter'],
    program: /^\/bin\/node_exporter$/,
    what: 'node-exporter measures the node',
  },
  {
    images: ['gcr.io/cadvisor/cadvisor', 'ghcr.io/google/cadvisor'],
    namespaces: [...OBSERVED, 'cadvisor'],
    program: /^\/usr\/bin\/cadvisor$/,
    what: 'cAdvisor measures the containers of the node',
  },
  {
    images: ['gcr.io/datadoghq/agent', 'docker.io/datadog/agent', 'public.ecr.aws/datadog/agent'],
    namespaces: [...OBSERVED, 'datadog', 'datadog-agent'],
    program:
      /^\/opt\/datadog-agent\/(?:bin\/agent\/agent|embedded\/bin\/(?:agent|trace-agent|process-agent|system-probe|security-agent))$/,
    what: 'the agent of Datadog',
  },
  {
    images: [
      ...['docker.io/fluent/fluent-bit', 'cr.fluentbit.io/fluent/fluent-bit', 'ghcr.io/fluent/fluent-bit'],
      'public.ecr.aws/aws-observability/aws-for-fluent-bit',
    ],
    namespaces: [...OBSERVED, 'fluent-bit', 'fluent', 'amazon-cloudwatch'],
    program: /^\/fluent-bit\/bin\/fluent-bit$/,
    what: 'Fluent Bit reads the logs of the node',
  },
  {
    images: ['public.ecr.aws/aws-ec2/aws-node-termination-handler'],
    namespaces: KUBE,
    program: /^\/node-termination-handler$/,
    what: 'the handler of nodes that AWS takes back',
  },
  {
    images: [/^(?:docker\.io|public\.ecr\.aws)\/falcosecurity\/falco(?:-no-driver)?$/],
    namespaces: ['falco', 'kube-system'],
    program: /^\/usr\/bin\/falco$/,
    what: 'the security agent Falco',
  },
  {
    images: ['quay.io/cilium/tetragon'],
    namespaces: KUBE,
    program: /^\/usr\/bin\/tetragon$/,
    what: 'the security agent Tetragon',
  },
  {
    images: [/^(?:docker\.io|ghcr\.io)\/aquasec(?:urity)?\/tracee$/],
    namespaces: ['tracee', 'tracee-system'],
    program: /^\/tracee\/tracee$/,
    what: 'the security agent Tracee',
  },
]

/** The repository of an image reference: without `:tag` and `@digest`. */
function repositoryOf(image: string): string {
  return image.replace(/@.*$/s, '').replace(/:[^/]*$/, '')
}

/** Why a container is privileged by design, or null; the sandbox of a pod has no image and is for its containers to say. */
export function designReason({ image, pod_namespace }: KnownContainer, { exe, args }: FirstProcess): string | null {
  if (image === null || pod_namespace === null || exe === null) return null
  const repository = repositoryOf(image)
  const found = DESIGNS.find(
    ({ images, namespaces, program, script }) =>
      images.some((known) => (typeof known === 'string' ? known === repository : known.test(repository))) &&
      namespaces.includes(pod_namespace) &&
      program.test(exe) &&
      (script === undefined || args?.slice(0, 4).includes(script) === true),
  )
  return found?.what ?? null
}
