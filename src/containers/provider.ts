/** Whose Kubernetes it is, by what only theirs has: programs, files, labels of the node, images. */

import type { CachedFiles } from './cached-files.js'

export interface ProviderEvidence {
  files: CachedFiles
  /** Arguments of the kubelet, by name. */
  flags: ReadonlyMap<string, string>
  /** Programs of the node's own components. */
  programs: readonly string[]
  images: readonly string[]
}

export interface Provider {
  provider: string | null
  evidence: string[]
}

interface Mark {
  provider: string
  file?: string
  label?: RegExp
  program?: RegExp
  image?: RegExp
}

/** Most particular first: what is made of kubeadm has its files too. */
const MARKS: readonly Mark[] = [
  { provider: 'EKS', label: /eks\.amazonaws\.com\// },
  { provider: 'EKS', file: '/etc/eks' },
  { provider: 'EKS', image: /\.amazonaws\.com\/(?:amazon-k8s-cni|eks\/)/ },
  { provider: 'AKS', label: /kubernetes\.azure\.com\// },
  { provider: 'AKS', file: '/etc/kubernetes/azure.json' },
  { provider: 'GKE', label: /cloud\.google\.com\/gke-/ },
  { provider: 'GKE', program: /^\/home\/kubernetes\/bin\// },
  { provider: 'GKE', image: /^(?:gke\.gcr\.io|gcr\.io\/gke-release|[\w-]+-artifactregistry\.gcr\.io\/gke-release)\// },
  { provider: 'OpenShift', label: /node\.openshift\.io\// },
  { provider: 'OpenShift', file: '/etc/machine-config-daemon' },
  { provider: 'rke2', program: /\/rke2$/ },
  { provider: 'rke2', file: '/var/lib/rancher/rke2' },
  { provider: 'k3s', program: /\/k3s$/ },
  { provider: 'k3s', file: '/var/lib/rancher/k3s' },
  { provider: 'k0s', program: /\/k0s$/ },
  { provider: 'k0s', file: '/var/lib/k0s' },
  { provider: 'microk8s', file: '/var/snap/microk8s' },
  { provider: 'minikube', file: '/var/lib/minikube' },
  { provider: 'kind', file: '/kind' },
  { provider: 'kubeadm', file: '/var/lib/kubelet/kubeadm-flags.env' },
  { provider: 'kubeadm', file: '/etc/kubernetes/admin.conf' },
]

/** The first that has a mark; all marks are its evidence, those of others too. */
export function providerOf({ files, flags, programs, images }: ProviderEvidence): Provider {
  const labels = (flags.get('node-labels') ?? '').slice(0, 65_536)
  const found = MARKS.flatMap(({ provider, file, label, program, image }) => {
    const seen =
      (file !== undefined && exists(files, file) && file) ||
      (label?.test(labels) && 'labels of the node') ||
      programs.find((path) => program?.test(path)) ||
      images.find((name) => image?.test(name))
    return seen ? [{ provider, seen }] : []
  })
  return { provider: found[0]?.provider ?? null, evidence: found.map(({ provider, seen }) => `${provider}: ${seen}`) }
}

function exists(files: CachedFiles, path: string): boolean {
  const cut = path.lastIndexOf('/')
  return files.list(path.slice(0, cut) || '/').some(({ name }) => name === path.slice(cut + 1))
}
