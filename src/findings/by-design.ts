/**
 * Containers that are privileged by design. A name alone proves nothing: what is named here must be of its registry, in
 * its namespace, and its first process must run the program that the image has at that place.
 */

import type { KnownContainer } from '../api/rule.js'

interface Design {
  /** Repository of the image, without tag and digest. */
  readonly image: RegExp
  /** Kubernetes namespaces in which it is installed. */
  readonly namespaces: readonly string[]
  /** Program of its first process. */
  readonly program: RegExp
  readonly what: string
}

/** From the projects' own manifests. */
const DESIGNS: readonly Design[] = [
  {
    image: /^registry\.k8s\.io\/kube-proxy$|^[\w.-]+\.amazonaws\.com\/eks\/kube-proxy$/,
    namespaces: ['kube-system'],
    program: /^\/usr\/local\/bin\/kube-proxy$|^\/usr\/bin\/kube-proxy$/,
    what: 'kube-proxy writes the node’s firewall',
  },
  {
    image: /^quay\.io\/cilium\/cilium$/,
    namespaces: ['kube-system', 'cilium'],
    program: /^\/usr\/bin\/cilium-agent$/,
    what: 'the network plugin Cilium',
  },
  {
    image: /^(?:docker\.io|quay\.io)\/calico\/node$/,
    namespaces: ['kube-system', 'calico-system'],
    program: /^\/(?:usr\/)?s?bin\/(?:runsvdir|calico-node)$/,
    what: 'the network plugin Calico',
  },
  {
    image: /^(?:docker\.io|ghcr\.io)\/(?:flannel|flannel-io)\/flannel$/,
    namespaces: ['kube-flannel', 'kube-system'],
    program: /^\/opt\/bin\/flanneld$/,
    what: 'the network plugin Flannel',
  },
  {
    image: /^[\w.-]+\.amazonaws\.com\/amazon-k8s-cni$/,
    namespaces: ['kube-system'],
    program: /^\/app\/aws-(?:vpc-cni|k8s-agent)$/,
    what: 'the network plugin of EKS',
  },
  {
    image: /^registry\.k8s\.io\/sig-storage\/[\w-]*csi[\w-]*$/,
    namespaces: ['kube-system'],
    program: /^\/[\w-]*csi[\w-]*$/,
    what: 'a storage plugin',
  },
  {
    image: /^docker\.io\/falcosecurity\/falco(?:-no-driver)?$/,
    namespaces: ['falco', 'kube-system'],
    program: /^\/usr\/bin\/falco$/,
    what: 'the security agent Falco',
  },
  {
    image: /^quay\.io\/cilium\/tetragon$/,
    namespaces: ['kube-system'],
    program: /^\/usr\/bin\/tetragon$/,
    what: 'the security agent Tetragon',
  },
  {
    image: /^(?:docker\.io|ghcr\.io)\/aquasec(?:urity)?\/tracee$/,
    namespaces: ['tracee', 'tracee-system'],
    program: /^\/tracee\/tracee$/,
    what: 'the security agent Tracee',
  },
]

/** The repository of an image reference: without `:tag` and `@digest`. */
function repositoryOf(image: string): string {
  return image.replace(/@.*$/, '').replace(/:[^/]*$/, '')
}

/** Why a container is privileged by design, or null; the sandbox of a pod has no image and is for its containers to say. */
export function designReason({ image, pod_namespace }: KnownContainer, exe: string | null): string | null {
  if (image === null || pod_namespace === null || exe === null) return null
  const repository = repositoryOf(image)
  const found = DESIGNS.find(
    (design) => design.image.test(repository) && design.namespaces.includes(pod_namespace) && design.program.test(exe),
  )
  return found?.what ?? null
}
