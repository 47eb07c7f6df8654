/** Which sandbox a container belongs to, and what is known of its pod. */

import type { DeclaredContainer } from './declared.js'
import type { DaemonContainer } from './dockerd-memory.js'
import type { ContainerGroup } from './groups.js'
import type { Carved } from './heap-records.js'
import { type CriAnnotations, type OciConfig, readCriAnnotations } from './oci-config.js'
import {
  type ConmonArguments,
  type KubernetesName,
  parseConmonArguments,
  parseKubernetesName,
  parseShimArguments,
} from './shim-args.js'
import type { ContainerRow, MountEvidence, ProcessEvidence } from './types.js'

/** Everything that was found of one container, before any column is decided. */
export interface Subject {
  /** What dockerd's memory holds of it, where its files are gone. */
  daemon: DaemonContainer | null
  /** What else memory of engines says, by daemon, where nothing else does. */
  carved: readonly Carved[]
  id: string
  group: ContainerGroup | null
  declared: DeclaredContainer | null
  spec: OciConfig | null
  spec_source: string
  annotations: CriAnnotations | null
  init: ProcessEvidence | null
  mounts: readonly MountEvidence[]
  from_mounts: MountNames
  /** containerd's namespace by the shim that is the first process's parent, and the id that the shim was given. */
  shim: { namespace: string; id: string } | null
  conmon: ConmonArguments | null
  kubernetes_name: { value: KubernetesName; source: string } | null
  /** Of an ended sandbox: the one pod with logs whose name is the host name in the sandbox's directory. */
  pod_by_hostname: PodIdentity | null
}

export interface PodIdentity {
  pod_uid: string | null
  pod_name: string
  pod_namespace: string
}

export interface MountNames {
  pod_uid: string | null
  container_name: string | null
  sandbox_id: string | null
}

export const noMountNames: MountNames = { pod_uid: null, container_name: null, sandbox_id: null }

/** The kubelet and the engines mount files of theirs into each container; their roots name pod, container and sandbox. */
export function readMountNames(mounts: readonly MountEvidence[]): MountNames {
  const names = { ...noMountNames }
  for (const { root, mountpoint } of mounts.slice(0, 4096)) {
    if (root.length > 4096) continue
    const own = /\/pods\/([0-9A-Za-z.-]{1,63})\/containers\/([^/]{1,253})\/[^/]+$/.exec(root)
    if (own?.[1] !== undefined && own[2] !== undefined) {
      names.pod_uid ??= own[1]
      names.container_name ??= own[2]
    }
    // A container may mount another pod's directory; its own /etc/hosts is from its own pod.
    if (mountpoint === '/etc/hosts')
      names.pod_uid ??= /\/pods\/([0-9A-Za-z.-]{1,63})\/etc-hosts$/.exec(root)?.[1] ?? null
    if (mountpoint === '/etc/hostname' || mountpoint === '/etc/resolv.conf') {
      names.sandbox_id ??= /\/sandboxes\/([0-9a-f]{64})\/(?:hostname|resolv\.conf)$/.exec(root)?.[1] ?? null
    }
  }
  return names
}

export interface Monitors {
  shims: Map<number, { namespace: string; id: string }>
  conmons: Map<string, ConmonArguments>
}

export function findMonitors(processes: readonly ProcessEvidence[]): Monitors {
  const shims: Monitors['shims'] = new Map()
  const conmons: Monitors['conmons'] = new Map()
  for (const process of processes) {
    const shim = parseShimArguments(process.args)
    if (shim !== null) shims.set(process.pid, { namespace: shim.namespace, id: shim.id })
    const conmon = parseConmonArguments(process.args)
    if (conmon !== null && !conmons.has(conmon.id)) conmons.set(conmon.id, conmon)
  }
  return { shims, conmons }
}

export function kubernetesName(
  declared: DeclaredContainer | null,
  conmon: Subject['conmon'],
): Subject['kubernetes_name'] {
  for (const { name, source } of [
    { name: conmon?.name, source: 'conmon arguments' },
    { name: declared?.docker?.value.name, source: 'config.v2.json' },
    { name: declared?.storage?.value.names[0], source: 'containers.json' },
  ]) {
    const value = name ? parseKubernetesName(name) : null
    if (value !== null) return { value, source }
  }
  return null
}

export function podByHostname(
  declared: DeclaredContainer | null,
  containers: ReadonlyMap<string, DeclaredContainer>,
): PodIdentity | null {
  const hostname = declared?.sandbox?.value.hostname
  if (!hostname) return null
  const pods = new Map<string, PodIdentity>()
  for (const { log } of containers.values()) {
    if (log?.value.pod_name !== hostname) continue
    const { pod_uid, pod_name, pod_namespace } = log.value
    pods.set(`${pod_namespace}/${pod_uid}`, { pod_uid, pod_name, pod_namespace })
  }
  const [only] = pods.values()
  return pods.size === 1 && only !== undefined ? only : null
}

export function annotationsOf(spec: OciConfig | null): CriAnnotations | null {
  return spec === null ? null : readCriAnnotations(spec.annotations)
}

export function isSandbox(subject: Subject): boolean {
  return kindOf(subject).kind === 'sandbox'
}

export function kindOf(subject: Subject): { kind: ContainerRow['kind']; source: string } {
  const { annotations, declared, group, kubernetes_name } = subject
  const scope = group?.scope?.kind ?? null
  const dockershim = declared?.docker?.value.labels.get('io.kubernetes.docker.type') === 'podsandbox'
  const byName = kubernetes_name?.value.container_name === 'POD' ? 'sandbox' : 'container'
  const told: { kind: ContainerRow['kind'] | null | undefined; source: string }[] = [
    { kind: scope === 'build' ? 'build' : null, source: 'cgroup path' },
    { kind: annotations?.kind, source: subject.spec_source },
    { kind: declared?.metadata?.value.kind, source: 'meta.db' },
    { kind: declared?.sandbox ? 'sandbox' : null, source: 'sandbox directory' },
    { kind: declared?.storage?.value.sandbox ? 'sandbox' : null, source: 'containers.json' },
    { kind: scope === 'sandbox' ? 'sandbox' : null, source: 'cgroup path' },
    { kind: dockershim ? 'sandbox' : null, source: 'config.v2.json' },
    { kind: kubernetes_name ? byName : null, source: kubernetes_name?.source ?? '' },
    { kind: onlyPauses(subject) ? 'sandbox' : null, source: 'arguments of the first process' },
    ...subject.carved,
  ]
  for (const { kind, source } of told) if (kind) return { kind, source }
  return { kind: 'container', source: idSource(subject) }
}

function onlyPauses({ group, init, spec }: Subject): boolean {
  const inPod = group?.scope?.pod_uid != null || group?.scope?.runtime === 'podman'
  const [program, flag] = init?.args ?? spec?.args ?? []
  return inPod && (program === '/pause' || (flag === '-P' && /(?:^|\/)catatonit$/.test(program ?? '')))
}

export function idSource({ group, declared }: Subject): string {
  if (group?.scope) return 'cgroup path'
  return declared === null ? 'pid namespace' : 'directory name'
}

/** The sandbox that a container names, or that its shim, its mounts, its pod or its network namespace show. */
export function sandboxOf(subject: Subject, sandboxes: readonly Subject[], shared: SharedNamespaces): Subject | null {
  const { annotations, declared, from_mounts } = subject
  const recorded = declared?.metadata?.value.sandbox_id ?? declared?.storage?.value.pod_id
  const carved = subject.carved.find(({ sandbox_id }) => sandbox_id !== null)?.sandbox_id
  const named = annotations?.sandbox_id ?? from_mounts.sandbox_id ?? recorded ?? carved
  const id = named ?? (subject.shim?.namespace === 'k8s.io' ? subject.shim.id : null)
  const byId = sandboxes.find((sandbox) => sandbox.id === id)
  if (byId !== undefined) return byId
  const uid = subject.group?.scope?.pod_uid ?? subject.declared?.log?.value.pod_uid
  const ofPod = (sandbox: Subject): boolean =>
    (sandbox.group?.scope?.pod_uid ?? sandbox.pod_by_hostname?.pod_uid) === uid
  const byPod = uid ? sandboxes.filter(ofPod) : []
  if (byPod.length === 1) return byPod[0] ?? null
  return shared(subject)
}

export type SharedNamespaces = (subject: Subject) => Subject | null

/** A pod's containers share its network and IPC namespaces, unless these are the host's. */
export function shareNamespaces(sandboxes: readonly Subject[], host: ProcessEvidence | null): SharedNamespaces {
  const key = (process: ProcessEvidence | null): string | null => {
    const { net, ipc } = process?.namespaces ?? {}
    if (net == null || ipc == null || net === host?.namespaces.net || ipc === host?.namespaces.ipc) return null
    return `${net}/${ipc}`
  }
  const byKey = new Map<string, Subject>()
  for (const sandbox of sandboxes) {
    const of = key(sandbox.init)
    if (of !== null) byKey.set(of, sandbox)
  }
  return (subject) => byKey.get(key(subject.init) ?? '') ?? null
}
