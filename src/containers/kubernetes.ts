/** The table of Kubernetes' own parts: what of control plane and node ran here, and what it was told. */

import type { CachedFiles } from './cached-files.js'
import { type Certificate, certificatesIn } from './certificates.js'
import type { Heap } from './dockerd-memory.js'
import { parseFlags } from './flags.js'
import { field, list, parseObject, text } from './json.js'
import { type Kubelet, programOf, readKubelet } from './kubelet.js'
import { type NodeInfo, nodeInfoIn } from './node-info.js'
import { type Provider, providerOf } from './provider.js'
import type { ContainerRow, ProcessEvidence } from './types.js'

export interface KubernetesRow {
  component: string
  name: string | null
  pid: number | null
  comm: string | null
  exe: string | null
  container: string | null
  version: string | null
  image: string | null
  flags: Record<string, string> | null
  config: string | null
  api_server: string | null
  node: string | null
  provider: string | null
  provider_evidence: string[] | null
  certificates: Certificate[]
  sources: Record<string, string>
}

export interface KubernetesEvidence {
  processes: readonly ProcessEvidence[]
  containers: readonly Readonly<ContainerRow>[]
  files: CachedFiles
  /** ISO 8601; null where nothing tells when memory was taken. */
  now: string | null
  /** The kubelet's memory, by its pid. */
  heap(pid: number): Heap | null
}

/** Programs, and the component that each is. */
const PROGRAMS: Readonly<Record<string, string>> = Object.fromEntries(
  (
    'kubelet kubelite k3s rke2 k0s hyperkube kube-proxy kube-apiserver kube-scheduler kube-controller-manager ' +
    'cloud-controller-manager etcd containerd crio dockerd flanneld calico-node cilium-agent aws-k8s-agent kube-router ' +
    'antrea-agent weaver coredns kube-multus'
  )
    .split(' ')
    .map((name) => [name, name === 'crio' ? 'cri-o' : name]),
)
/** Engines are part of it only where there is a kubelet or a pod. */
const ENGINES = new Set(['containerd', 'cri-o', 'dockerd'])
const CNI = ['/etc/cni/net.d', '/var/lib/rancher/k3s/agent/etc/cni/net.d', '/var/lib/rancher/rke2/agent/etc/cni/net.d']
const PKI = [
  ['/etc/kubernetes/pki', null],
  ['/etc/kubernetes/pki/etcd', 'etcd'],
  ['/etc/ssl/etcd/ssl', 'etcd'],
  ['/var/lib/k0s/pki', null],
  ['/var/lib/rancher/k3s/agent', 'k3s'],
  ['/var/lib/rancher/k3s/server/tls', 'k3s'],
  ['/var/lib/rancher/rke2/agent', 'rke2'],
  ['/var/lib/rancher/rke2/server/tls', 'rke2'],
  ['/etc/kubernetes', null],
] as const
/** Whose a certificate is, by the name of its file; what is nobody's own is the node's. */
const OWNERS: readonly (readonly [RegExp, string])[] = [
  [/\/kubelet(?:-[\w-]*)?\.(?:crt|pem|conf)$|\/kubelet\/pki\//, 'kubelet'],
  [/\/apiserver[\w-]*\.crt$|\/front-proxy-client\.crt$/, 'kube-apiserver'],
  [/\/controller-manager\.conf$/, 'kube-controller-manager'],
  [/\/scheduler\.conf$/, 'kube-scheduler'],
]
const MOST_FILES = 512
const MOST_ROWS = 4096

export function buildKubernetes(evidence: KubernetesEvidence): KubernetesRow[] {
  const { processes, containers, files } = evidence
  const kubelet = readKubelet(processes, files)
  const byId = new Map(containers.map((row) => [row.id, row]))
  const running = processes.flatMap((process) => {
    const component = componentOf(process)
    return component === null ? [] : [{ process, component }]
  })
  const certificates = readCertificates(kubelet, evidence)
  const networks = readNetworks(files)
  const own = running.filter(({ component }) => !ENGINES.has(component))
  const hasPods = containers.some(({ pod_uid }) => pod_uid !== null)
  if (own.length === 0 && !hasPods && certificates.length === 0) return []
  const info = kubelet.pid === null ? null : infoOf(evidence, kubelet.pid)
  const rows = running
    .slice(0, MOST_ROWS)
    .map(({ process, component }) => processRow(component, process, byId.get(process.container ?? '') ?? null, info))
  const provider = providerOf({
    ...{ files, flags: kubelet.flags },
    programs: own.filter(({ process }) => process.container === null).flatMap(({ process }) => process.exe ?? []),
    images: containers.flatMap(({ image }) => image ?? []),
  })
  const node = nodeRow(kubelet, certificates, provider)
  const all = [node, ...rows.map((row) => withServer(row, files)), ...networks]
  return all.map((row) => withCertificates(row, certificates, node))
}

function componentOf({ args, exe, comm }: ProcessEvidence): string | null {
  const names = [exe, args[0]].map((path) => path?.replace(/ \(deleted\)$/, '').replace(/^.*\//, '') ?? '')
  const name =
    exe === null && args.length === 0 ? (comm ?? '') : (names.find((each) => Object.hasOwn(PROGRAMS, each)) ?? '')
  if (!Object.hasOwn(PROGRAMS, name)) return null
  // `k3s kubectl` and `hyperkube` are many programs in one.
  if (/^(?:k3s|rke2|hyperkube)$/.test(name) && programOf(args) === null) return null
  return PROGRAMS[name] ?? null
}

const nothing = {
  ...{ name: null, pid: null, comm: null, exe: null, container: null, version: null, image: null, flags: null },
  ...{ config: null, api_server: null, node: null, provider: null, provider_evidence: null },
  certificates: [],
}

function infoOf({ heap }: KubernetesEvidence, pid: number): NodeInfo | null {
  const memory = heap(pid)
  return memory === null ? null : nodeInfoIn(memory)
}

function processRow(
  component: string,
  { pid, comm, exe, args, container }: ProcessEvidence,
  around: Readonly<ContainerRow> | null,
  info: NodeInfo | null,
): KubernetesRow {
  const flags = parseFlags(args)
  const image = around?.image ?? null
  const config = flags.get('config') ?? flags.get('config-file') ?? null
  const node = flags.get('hostname-override') ?? flags.get('node-name') ?? null
  const tag = /:v?(\d{1,4}\.\d{1,4}[\w.+-]{0,60})$/.exec(image ?? '')?.[1] ?? null
  const told = container === null ? toldBy(info, component) : null
  return {
    ...nothing,
    ...{ component, pid, comm, exe, container, image },
    version: told ?? tag,
    flags: args.length > 1 ? Object.fromEntries(flags) : null,
    ...{ config, node },
    sources: {
      component: exe === null ? 'name of the process' : 'its program',
      ...(told !== null ? { version: 'memory of the kubelet' } : tag !== null ? { version: 'tag of the image' } : {}),
      ...(image === null ? {} : { image: around?.sources.image ?? '' }),
      ...(args.length > 1 ? { flags: 'arguments' } : {}),
      ...(config === null ? {} : { config: 'arguments' }),
      ...(node === null ? {} : { node: 'arguments' }),
    },
  }
}

/** The version that the kubelet gave the API server of itself and of the engine beside it. */
function toldBy(info: NodeInfo | null, component: string): string | null {
  if (component === 'kubelet') return info?.kubelet.replace(/^v/, '') ?? null
  const engine = component === 'dockerd' ? 'docker' : component
  return info?.engine === engine ? info.engine_version : null
}

function nodeRow(
  kubelet: Kubelet,
  certificates: readonly Certificate[],
  { provider, evidence }: Provider,
): KubernetesRow {
  const subject = certificates.map((found) => /(?:^|, )CN=system:node:([^,]{1,253})/.exec(found.subject)?.[1])
  const named = subject.find((name) => name !== undefined) ?? null
  const node = kubelet.node ?? named
  return {
    ...nothing,
    ...{ component: 'node', name: node, node, provider, provider_evidence: evidence },
    sources: {
      component: 'what is left of Kubernetes',
      ...(node === null ? {} : nodeSource(kubelet)),
      ...(provider === null ? {} : { provider: evidence[0] ?? '' }),
    },
  }
}

function nodeSource({ node }: Kubelet): { node: string; name: string } {
  const source = node === null ? 'certificate of the kubelet' : 'kubelet arguments'
  return { node: source, name: source }
}

function withServer(row: KubernetesRow, files: CachedFiles): KubernetesRow {
  const path = row.flags === null || !Object.hasOwn(row.flags, 'kubeconfig') ? null : (row.flags.kubeconfig ?? null)
  const host = row.container === null
  const content = path !== null && host ? files.read(path).text : null
  const server = /^\s*server:\s*["']?([^\s"']{1,1024})/m.exec(content?.slice(0, 1 << 20) ?? '')?.[1] ?? null
  const sources = server === null ? row.sources : { ...row.sources, api_server: path ?? '' }
  return { ...row, api_server: server, sources }
}

function withCertificates(row: KubernetesRow, all: readonly Certificate[], node: KubernetesRow): KubernetesRow {
  const own = all.filter(({ path }) => (row === node ? ownerOf(path) === null : ownerOf(path) === row.component))
  if (row.container !== null || row.component === 'cni' || own.length === 0) return row
  return { ...row, certificates: own, sources: { ...row.sources, certificates: 'cached files' } }
}

function ownerOf(path: string): string | null {
  const folder = PKI.find(([folder, owner]) => owner !== null && path.startsWith(`${folder}/`))?.[1] ?? null
  return folder ?? OWNERS.find(([form]) => form.test(path))?.[1] ?? null
}

function readCertificates(kubelet: Kubelet, { files, now }: KubernetesEvidence): Certificate[] {
  const folders = [...kubelet.roots.map((root) => `${root}/pki`), ...PKI.map(([folder]) => folder)]
  const paths = folders.flatMap((folder) =>
    files.list(folder).filter(({ name, kind }) => kind === 'file' && /\.(?:crt|pem|cert|conf|kubeconfig)$/.test(name)),
  )
  return paths.slice(0, MOST_FILES).flatMap(({ path }) => {
    const content = files.read(path).text
    return content === null ? [] : certificatesIn(path, content, now)
  })
}

/** Networks of pods as the engine reads them (libcni): a file for each, the first by its name counts. */
function readNetworks(files: CachedFiles): KubernetesRow[] {
  return CNI.flatMap((folder) => files.list(folder)).flatMap(({ name, path, kind }) => {
    if (kind !== 'file' || !/\.(?:conf|conflist|json)$/.test(name)) return []
    const content = files.read(path).text
    const value = content === null ? null : parseObject(content, 'network').value
    const plugins = [field(value, 'type'), ...list(value, 'plugins').map((plugin) => field(plugin, 'type'))]
    const types = plugins.filter((type) => typeof type === 'string')
    const network = text(value, 'name')
    return [
      {
        ...nothing,
        ...{ component: 'cni', name: network, config: path, version: text(value, 'cniVersion') },
        flags: types.length > 0 ? { plugins: types.join(',') } : null,
        sources: { component: path, ...(value === null ? {} : { name: path, version: path, flags: path }) },
      },
    ]
  })
}
