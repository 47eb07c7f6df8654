/** Who claims what of a container, per column, most trustworthy first. */

import type { Runtime } from './cgroup-path.js'
import type { Claim, Claims } from './claims.js'
import type { Subject } from './pods.js'
import type { ProcessEvidence } from './types.js'

/** The source of what is read from the heap of dockerd. */
export const DAEMON = 'memory of dockerd'
/** That of a container that its processes' namespaces show, and no engine. */
export const ISOLATED = 'namespaces of its processes'
/** That of what is carved out of a database of which old pages are still there: the last to be believed. */
export const NETWORK_STORE = 'local-kv.db (carved)'

export function runtimeClaims(subject: Subject): Claim<Runtime>[] {
  const { group, declared, annotations, shim, conmon } = subject
  const bare = OCI_RUNTIMES.has(group?.scope?.runtime ?? null)
  const scope = group?.scope?.guessed ? null : (group?.scope?.runtime ?? null)
  const stored = subject.kubernetes_name ? 'cri-o' : 'podman'
  const engine = declared?.engine === 'podman' ? stored : declared?.engine
  // A nerdctl container's shim is containerd's, and an ECS one's is whatever the agent uses: no contradiction.
  const shimmed = scope === 'nerdctl' || scope === 'ecs' ? null : ofNamespace(shim?.namespace)
  return [
    { value: bare ? null : scope, source: 'cgroup path' },
    { value: shimmed, source: 'shim arguments' },
    { value: conmon && (conmon.name?.startsWith('k8s_') ? 'cri-o' : 'podman'), source: 'conmon arguments' },
    { value: annotations?.manager, source: subject.spec_source },
    { value: scope === null || bare ? (ofNamespace(declared?.namespace) ?? engine) : null, source: 'directory name' },
  ]
}

/** What engines start containers by; their own prefix tells nothing of the engine above them. */
const OCI_RUNTIMES = new Set<Runtime | null>(['runc', 'crun'])
/** By the file that a runtime keeps of what it started. */
const BY_STATE = { 'state.json': 'runc', 'crun status': 'crun' } as const

/**
 * Where nothing names an engine: a path that one of them makes by default, the runtime itself that put the container there or
 * keeps its state, and of no engine's what only namespaces show.
 */
export function runtimeGuesses({ group, declared }: Subject): Claim<Runtime>[] {
  const isolated = group !== null && group.scope === null && declared === null
  const own = group?.scope?.runtime ?? null
  const state = declared?.state?.value.source
  return [
    { value: OCI_RUNTIMES.has(own) ? own : null, source: 'cgroup path' },
    { value: group?.scope?.guessed ? group.scope.runtime : null, source: 'cgroup path (a guess)' },
    { value: state === undefined || own !== null ? null : BY_STATE[state], source: state ?? '' },
    { value: isolated ? 'unknown' : null, source: ISOLATED },
  ]
}

/** Docker's containers are in containerd's namespace "moby", its plugins in "plugins.moby". */
function ofNamespace(namespace: string | null | undefined): 'docker' | 'containerd' | null {
  if (namespace == null) return null
  return /^(?:plugins\.)?moby$/.test(namespace) ? 'docker' : 'containerd'
}

export function initClaims(subject: Subject, pid: number | null): Claim<number>[] {
  if (pid === null) return []
  const { state, docker, status, within } = subject.declared ?? {}
  // An engine in a container knows the numbers of that container's processes.
  if (within != null) return [{ value: pid, source: 'task_struct' }]
  return [
    { value: state?.value.init_pid === pid ? pid : null, source: state?.value.source ?? '' },
    { value: pid, source: 'task_struct' },
    { value: state?.value.init_pid, source: state?.value.source ?? '' },
    { value: docker?.value.pid, source: 'config.v2.json' },
    { value: status?.value.pid, source: 'CRI status' },
  ]
}

export function nameClaims({
  declared,
  spec,
  spec_source,
  annotations,
  from_mounts,
  conmon,
  ...rest
}: Subject): Claim<string>[] {
  const kubernetes = rest.kubernetes_name
  return [
    { value: from_mounts.container_name, source: 'mounts of the first process' },
    { value: kubernetes?.value.container_name, source: kubernetes?.source ?? '' },
    { value: kubernetes ? null : conmon?.name, source: 'conmon arguments' },
    { value: annotations?.container_name ?? spec?.annotations.get('nerdctl/name'), source: spec_source },
    { value: kubernetes ? null : declared?.docker?.value.name, source: 'config.v2.json' },
    { value: kubernetes ? null : rest.daemon?.name, source: DAEMON },
    { value: declared?.metadata?.value.name, source: 'meta.db' },
    { value: kubernetes ? null : declared?.storage?.value.name, source: 'containers.json' },
    { value: declared?.libpod?.value.name, source: 'db.sql' },
    { value: declared?.log?.value.container_name, source: 'kubelet log name' },
    { value: declared?.userdata?.value.environment?.name, source: '.containerenv' },
    { value: declared?.userdata?.value.alias, source: 'hosts file' },
    { value: kubernetes ? null : declared?.network?.value.name, source: NETWORK_STORE },
    ...rest.carved.map(({ name, source }) => ({ value: name, source })),
  ]
}

/** A sandbox has no name of its own; it goes by its pod's. podman's does have one. */
export function takeSandboxName(claims: Claims, subject: Subject, pod_name: string | null): string | null {
  const pod = { value: pod_name, source: claims.sources.pod_name ?? '' }
  return claims.take('name', pod_name === null ? nameClaims(subject) : [pod])
}

export type PodColumn = 'pod_uid' | 'pod_name' | 'pod_namespace'

export function podClaims(subject: Subject, sandbox: Subject | null, column: PodColumn): Claim<string>[] {
  const { group, declared, annotations, from_mounts, kubernetes_name, spec_source } = subject
  const own: Claim<string>[] = [
    { value: column === 'pod_uid' ? group?.scope?.pod_uid : null, source: 'cgroup path' },
    { value: column === 'pod_uid' ? from_mounts.pod_uid : null, source: 'mounts of the first process' },
    { value: kubernetes_name?.value[column], source: kubernetes_name?.source ?? '' },
    { value: annotations?.[column], source: spec_source },
    { value: declared?.metadata?.value[column], source: 'meta.db' },
    { value: declared?.storage?.value[column], source: 'containers.json' },
    { value: declared?.log?.value[column], source: 'kubelet log name' },
    { value: subject.pod_by_hostname?.[column], source: 'sandbox directory and kubelet log name' },
    ...subject.carved.map(({ source, ...carved }) => ({ value: carved[column], source })),
  ]
  if (sandbox === null) return own
  const of = podClaims(sandbox, null, column).map((claim) => ({ ...claim, source: `sandbox's ${claim.source}` }))
  return [...own, ...of]
}

/**
 * Where nothing names a pod: its host name is its name unless its declaration has another, and its root may change it. Of
 * one that has the host name of what is around it that says nothing.
 */
export function podNameByHost({ group, init }: Subject, outside: readonly (ProcessEvidence | null)[]): Claim<string>[] {
  const uts = init?.namespaces.uts ?? null
  const isOwn = uts !== null && outside.every((process) => process?.namespaces.uts !== uts)
  const name = group?.scope?.pod_uid != null && isOwn ? (init?.hostname ?? null) : null
  return [
    { value: name !== null && /^[a-z0-9][a-z0-9.-]{0,62}$/.test(name) ? name : null, source: 'host name (a guess)' },
  ]
}

export function hostnameClaims(subject: Subject, sandbox: Subject | null): Claim<string>[] {
  const { declared, spec, spec_source, annotations, init } = subject
  const own: Claim<string>[] = [
    { value: declared?.docker?.value.hostname, source: 'config.v2.json' },
    { value: spec?.hostname ?? annotations?.hostname, source: spec_source },
    { value: declared?.metadata?.value.hostname, source: 'meta.db' },
    { value: declared?.sandbox?.value.hostname, source: 'sandbox directory' },
    { value: declared?.userdata?.value.hostname, source: 'hostname file' },
    { value: declared?.libpod?.value.hostname, source: 'db.sql' },
  ]
  const uts: Claim<string> = { value: init?.hostname, source: 'UTS namespace' }
  const carved = subject.carved.map(({ docker, metadata, source }) => ({
    value: docker?.hostname ?? metadata?.hostname,
    source,
  }))
  if (sandbox === null) return [...own, uts, ...carved]
  const of = hostnameClaims({ ...sandbox, init: null }, null)
  return [...own, ...of.map((claim) => ({ ...claim, source: `sandbox's ${claim.source}` })), uts, ...carved]
}
