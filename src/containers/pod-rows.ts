/** The table of pods: what its containers, the kubelet's directories and the engine's records tell of each. */

import { append } from '../append.js'
import type { Warning } from '../warning.js'
import type { CachedFiles } from './cached-files.js'
import { parseCgroupPath, type Qos } from './cgroup-path.js'
import { type Claim, Claims } from './claims.js'
import type { CriMetadata } from './containerd-metadata.js'
import type { Declared } from './declared.js'
import { parseJwt, type ServiceAccount, serviceAccountOf } from './jwt.js'
import { type Kubelet, manifestName, readKubelet } from './kubelet.js'
import { type PodLogDirectory, parsePodLogDirectory } from './kubelet-logs.js'
import type { OciConfig } from './oci-config.js'
import { APPLIED, type PodContainer, readApplied, rolesOf } from './pod-containers.js'
import { type MountedBy, type PodVolume, volumesOf } from './pod-volumes.js'
import { isoFromText } from './time.js'
import type { ContainerRow, Evidence, ProcessEvidence } from './types.js'

export interface PodRow {
  uid: string
  name: string | null
  namespace: string | null
  node: string | null
  service_account: string | null
  qos: string | null
  state: 'running' | 'exited' | null
  sandbox: string | null
  static: boolean | null
  manifest: string | null
  containers: string[]
  init_containers: string[]
  ephemeral_containers: string[]
  restarts: Record<string, number>
  volumes: PodVolume[]
  ips: string[] | null
  host_network: boolean | null
  host_pid: boolean | null
  host_ipc: boolean | null
  labels: Record<string, string> | null
  seen: string | null
  started: string | null
  sources: Record<string, string>
}

/** As the API writes them. */
const QOS: Readonly<Record<Qos, string>> = {
  guaranteed: 'Guaranteed',
  burstable: 'Burstable',
  besteffort: 'BestEffort',
}
/** CRI's NamespaceMode. */
const [OF_HOST, OF_TARGET] = [2, 3]
const MOST_PODS = 20_000
const MOST_TOKENS = 64

export type PodEvidence = Pick<Evidence, 'cgroups' | 'processes' | 'mounts' | 'files'> & {
  rows: readonly Readonly<ContainerRow>[]
  declared: Declared
}

/** What is known of one pod before any column is decided. */
interface Pod {
  uid: string
  rows: ContainerRow[]
  sandbox: ContainerRow | null
  metadata: CriMetadata | null
  spec: OciConfig | null
  annotations: ReadonlyMap<string, string>
  log: { name: PodLogDirectory; path: string } | null
}

export function buildPods(evidence: PodEvidence): { rows: PodRow[]; warnings: Warning[] } {
  const warnings: Warning[] = []
  const kubelet = readKubelet(evidence.processes, evidence.files)
  const host = evidence.processes.find(({ pid }) => pid === 1) ?? null
  const pods = findPods(evidence, kubelet)
  if (pods.length > MOST_PODS) {
    warnings.push({ code: 'cap', message: `more than ${MOST_PODS} pods: the rest is left out` })
  }
  const byPid = new Map(evidence.processes.map((process) => [process.pid, process]))
  const qos = qosByPod(evidence)
  const facts: Facts = { evidence, kubelet, host, byPid, qos, manifests: readManifests(kubelet, evidence.files) }
  return { rows: pods.slice(0, MOST_PODS).map((pod) => podRow(pod, facts, warnings)), warnings }
}

interface Facts {
  evidence: PodEvidence
  kubelet: Kubelet
  host: ProcessEvidence | null
  byPid: ReadonlyMap<number, ProcessEvidence>
  qos: ReadonlyMap<string, Qos>
  /** Paths of the manifests of static pods, by the names in them. */
  manifests: ReadonlyMap<string, string>
}

/** Pods of containers, of cgroups, and of the kubelet's directories; by uid. */
function findPods({ rows, declared, cgroups, files }: PodEvidence, { roots }: Kubelet): Pod[] {
  const byUid = new Map<string, ContainerRow[]>()
  for (const row of rows) if (row.pod_uid !== null) append(byUid, row.pod_uid, row)
  const logs = new Map<string, Pod['log']>()
  for (const { name, path } of files.list('/var/log/pods')) {
    const parsed = parsePodLogDirectory(name)
    if (parsed !== null) logs.set(parsed.pod_uid, { name: parsed, path })
  }
  const uids = new Set([...byUid.keys(), ...logs.keys()])
  for (const { path } of cgroups) addUid(uids, parseCgroupPath(path).pod_uid)
  for (const root of roots) {
    for (const { name, kind } of files.list(`${root}/pods`)) {
      if (kind === 'directory' && /^[0-9A-Za-z][0-9A-Za-z.-]{0,62}$/.test(name)) uids.add(name)
    }
  }
  return [...uids].sort().map((uid) => podOf(uid, byUid.get(uid) ?? [], declared, logs.get(uid) ?? null))
}

function addUid(uids: Set<string>, uid: string | null): void {
  if (uid !== null) uids.add(uid)
}

function podOf(uid: string, rows: ContainerRow[], { containers }: Declared, log: Pod['log']): Pod {
  const sandboxes = rows.filter(({ kind }) => kind === 'sandbox').sort(newestFirst)
  const sandbox = sandboxes.find(({ state }) => state === 'running') ?? sandboxes[0] ?? null
  const declared = containers.get(sandbox?.id ?? '')
  const metadata = declared?.metadata?.value ?? null
  const spec = (declared?.spec ?? declared?.stored_spec)?.value ?? null
  // CRI-O writes a pod's annotations among those of its sandbox.
  const annotations = new Map([...(spec?.annotations ?? []), ...(metadata?.annotations ?? [])])
  return { uid, rows, sandbox, metadata, spec, annotations, log }
}

function newestFirst(left: ContainerRow, right: ContainerRow): number {
  return (left.started ?? '') < (right.started ?? '') ? 1 : -1
}

function qosByPod({ cgroups, declared }: PodEvidence): Map<string, Qos> {
  const specs = [...declared.containers.values()].flatMap((container) => [
    container.spec?.value.cgroups_path ?? container.stored_spec?.value.cgroups_path ?? '',
    container.metadata?.value.cgroup_parent ?? '',
  ])
  const found = new Map<string, Qos>()
  for (const path of [...cgroups.map((cgroup) => cgroup.path), ...specs]) {
    const { pod_uid, qos } = parseCgroupPath(path)
    if (pod_uid !== null && qos !== null && !found.has(pod_uid)) found.set(pod_uid, qos)
  }
  return found
}

/** A static pod is named by its manifest's name and the node's. */
function readManifests({ manifests }: Kubelet, files: CachedFiles): Map<string, string> {
  const found = new Map<string, string>()
  for (const { path, kind } of files.list(manifests)) {
    const text = kind === 'file' ? files.read(path).text : null
    const name = text === null ? null : manifestName(text)
    if (name !== null) found.set(name, path)
  }
  return found
}

function podRow(pod: Pod, facts: Facts, warnings: Warning[]): PodRow {
  const { uid, rows, sandbox, metadata, annotations, log } = pod
  const claims = new Claims(uid, warnings, 'pod')
  claims.sources.uid =
    rows.length > 0
      ? ((sandbox ?? rows[0])?.sources.pod_uid ?? 'containers')
      : log === null
        ? "kubelet's directory"
        : 'kubelet log name'
  const mounted = rows.filter(({ kind }) => kind === 'container').map((row) => mountsOf(row, facts.evidence))
  const volumes = nameHostPaths(volumesOf(uid, mounted, facts.kubelet.roots, facts.evidence.files), annotations)
  const account = accountOf(uid, volumes, facts.evidence.files)
  const newest = newestContainers(pod, facts.evidence)
  const roles = rolesOf(newest, annotations)
  if (newest.length > 0) claims.sources.containers = 'containers, kubelet log names'
  if (roles.source !== null) claims.sources.init_containers = roles.source
  if (volumes.length > 0) claims.sources.volumes = "mounts, kubelet's directory"
  const name = claims.take('name', identityClaims(pod, 'pod_name'))
  const node = claims.take('node', nodeClaims(account, facts))
  const isStatic = claims.take('static', staticClaims(pod))
  return {
    uid,
    name,
    namespace: claims.take('namespace', identityClaims(pod, 'pod_namespace')),
    node,
    service_account: claims.take('service_account', [{ value: account?.account, source: 'service-account token' }]),
    qos: claims.take('qos', [{ value: qosOf(facts, uid), source: 'cgroup path' }]),
    state: stateOf(pod, claims),
    sandbox: claims.take('sandbox', [{ value: sandbox?.id, source: sandbox?.sources.kind ?? '' }]),
    static: isStatic,
    manifest: isStatic === false ? null : manifestOf(name, node, facts, claims),
    containers: roles.containers,
    init_containers: roles.init_containers,
    ephemeral_containers: roles.ephemeral_containers,
    restarts: restartsOf(newest, claims),
    volumes,
    ...namespacesOf(pod, facts, claims),
    labels: labelsOf(metadata, claims),
    seen: claims.take('seen', [{ value: seenAt(annotations), source: 'kubernetes.io/config.seen' }]),
    started: claims.take('started', [{ value: sandbox?.started, source: sandbox?.sources.started ?? '' }]),
    sources: claims.sources,
  }
}

function qosOf({ qos }: Facts, uid: string): string | null {
  const found = qos.get(uid)
  return found === undefined ? null : QOS[found]
}

/** The sandbox's word first, then that of the others. */
function identityClaims({ uid, rows, sandbox, log }: Pod, column: 'pod_name' | 'pod_namespace'): Claim<string>[] {
  const others = rows.filter((row) => row !== sandbox)
  const of = [...(sandbox === null ? [] : [sandbox]), ...others].map((row) => ({
    value: row[column],
    source: row.sources[column] ?? '',
  }))
  return [...of, { value: log?.name.pod_uid === uid ? log.name[column] : null, source: 'kubelet log name' }]
}

function nodeClaims(account: ServiceAccount | null, { kubelet, host }: Facts): Claim<string>[] {
  return [
    { value: account?.node, source: 'service-account token' },
    { value: kubelet.node, source: 'kubelet arguments' },
    // The kubelet's own choice where nobody named the node (pkg/util/node); a cloud's may be another.
    { value: kubelet.pid === null ? null : host?.hostname?.toLowerCase(), source: 'host name' },
  ]
}

function staticClaims({ uid, annotations }: Pod): Claim<boolean>[] {
  const from = annotations.get('kubernetes.io/config.source')
  return [
    { value: from === undefined ? null : from !== 'api', source: 'kubernetes.io/config.source' },
    // The API server makes uids with dashes, the kubelet hashes of manifests (pkg/kubelet/config/common.go).
    { value: /^[0-9a-f]{32}$/.test(uid), source: 'form of its uid' },
  ]
}

function manifestOf(name: string | null, node: string | null, { manifests }: Facts, claims: Claims): string | null {
  const suffix = `-${node}`
  const base = name !== null && node !== null && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name
  const path = manifests.get(base ?? '')
  return claims.take('manifest', [{ value: path, source: 'directory of static pods' }])
}

function stateOf({ rows }: Pod, claims: Claims): PodRow['state'] {
  const alive = rows.find(({ state }) => state === 'running' || state === 'paused')
  const ended = alive === undefined && rows.length > 0 && rows.every(({ state }) => state === 'exited')
  return claims.take<'running' | 'exited'>('state', [
    { value: alive ? 'running' : null, source: alive?.sources.state ?? '' },
    { value: ended ? 'exited' : null, source: rows[0]?.sources.state ?? '' },
  ])
}

function mountsOf({ id, name, init_pid }: ContainerRow, { declared, mounts }: PodEvidence): MountedBy {
  const { metadata, spec, stored_spec } = declared.containers.get(id) ?? {}
  const bound = (spec ?? stored_spec)?.value.mounts.filter(({ options }) =>
    options.some((word) => /^r?bind$/.test(word)),
  )
  return { container: name, declared: metadata?.value.mounts ?? bound ?? [], actual: mounts.get(init_pid ?? -1) ?? [] }
}

function nameHostPaths(volumes: PodVolume[], annotations: Pod['annotations']): PodVolume[] {
  const applied = readApplied(annotations.get(APPLIED) ?? null)
  const named = (volume: PodVolume) => applied?.host_paths.get(volume.source) ?? null
  return volumes.map((volume) => (volume.kind === 'hostPath' ? { ...volume, name: named(volume) } : volume))
}

/** Of the token that the kubelet put into the pod's own volume; one for another pod is not it. */
function accountOf(uid: string, volumes: readonly PodVolume[], files: CachedFiles): ServiceAccount | null {
  const projected = volumes.filter(({ kind }) => kind === 'projected' || kind === 'secret').slice(0, MOST_TOKENS)
  for (const { source } of projected) {
    const token = files.read(`${source}/token`).text
    const jwt = token === null ? null : parseJwt(token.trim())
    const account = jwt === null ? null : serviceAccountOf(jwt)
    if (account !== null && (account.pod_uid === null || account.pod_uid === uid)) return account
  }
  return null
}

/** Of each name the newest; names that only the kubelet's directories have are containers of which nothing more is known. */
function newestContainers(pod: Pod, { declared, files }: PodEvidence): PodContainer[] {
  const found = new Map<string, PodContainer>()
  const add = (container: PodContainer): void => {
    const known = found.get(container.name)
    if (known === undefined || (known.attempt ?? -1) <= (container.attempt ?? -1)) found.set(container.name, container)
  }
  for (const { name, path, kind } of pod.log === null ? [] : files.list(pod.log.path)) {
    if (kind !== 'directory') continue
    const attempts = files.list(path).flatMap((log) => /^(\d{1,9})\.log$/.exec(log.name)?.[1] ?? [])
    const attempt = attempts.length === 0 ? null : Math.max(...attempts.slice(0, 4096).map(Number))
    add({ name, attempt, created: null, finished: null, exit_code: null, debugs: false })
  }
  for (const row of [...pod.rows].sort(newestFirst).reverse()) {
    if (row.kind !== 'container' || row.name === null) continue
    const { metadata, spec, status, log } = declared.containers.get(row.id) ?? {}
    const told = metadata?.value.annotations.get('io.kubernetes.container.restartCount')
    const written = spec?.value.annotations.get('io.kubernetes.container.restartCount') ?? told
    const attempt = /^\d{1,9}$/.test(written ?? '') ? Number(written) : (metadata?.value.attempt ?? log?.value.attempt)
    add({
      name: row.name,
      attempt: attempt ?? null,
      created: status?.value.created ?? null,
      finished: status?.value.finished ?? null,
      exit_code: status?.value.exit_code ?? null,
      debugs: metadata?.value.namespaces.get('pid') === OF_TARGET,
    })
  }
  return [...found.values()]
}

function restartsOf(containers: readonly PodContainer[], claims: Claims): Record<string, number> {
  const counted = containers.flatMap(({ name, attempt }) => (attempt === null ? [] : [[name, attempt] as const]))
  if (counted.length > 0) claims.sources.restarts = 'restart counts of the newest containers'
  return Object.fromEntries(counted.sort(([left], [right]) => (left < right ? -1 : 1)))
}

function namespacesOf(
  pod: Pod,
  facts: Facts,
  claims: Claims,
): Pick<PodRow, 'ips' | 'host_network' | 'host_pid' | 'host_ipc'> {
  const host_network = claims.take('host_network', namespaceClaims(pod, 'net', 'network', facts))
  const { networks = null, sources } = pod.sandbox ?? {}
  const addresses = networks?.flatMap(({ address }) => address?.split('/', 1)[0] ?? []) ?? []
  return {
    host_network,
    host_pid: claims.take('host_pid', namespaceClaims(pod, 'pid', 'pid', facts)),
    host_ipc: claims.take('host_ipc', namespaceClaims(pod, 'ipc', 'ipc', facts)),
    ips: claims.take(
      'ips',
      [
        { value: addresses.length > 0 ? [...new Set(addresses)] : null, source: sources?.networks ?? '' },
        { value: host_network === true ? nullIfNone(facts.kubelet.addresses) : null, source: 'kubelet arguments' },
      ],
      null,
    ),
  }
}

function nullIfNone(values: string[]): string[] | null {
  return values.length === 0 ? null : values
}

/** Whether the sandbox is in the host's own namespace, was asked to be, or has none declared. */
function namespaceClaims(
  { sandbox, metadata, spec }: Pod,
  kind: 'net' | 'pid' | 'ipc',
  name: string,
  { host, byPid }: Facts,
): Claim<boolean>[] {
  const own = byPid.get(sandbox?.init_pid ?? -1)?.namespaces[kind] ?? null
  const hosts = host?.namespaces[kind] ?? null
  const mode = metadata?.namespaces.get(name)
  const declared = spec === null || spec.namespaces.length === 0 ? null : spec.namespaces
  return [
    { value: own === null || hosts === null ? null : own === hosts, source: 'namespaces of the sandbox' },
    { value: mode === undefined ? null : mode === OF_HOST, source: 'meta.db' },
    { value: declared && !declared.some(({ type }) => type === name), source: 'OCI config.json' },
  ]
}

function labelsOf(metadata: CriMetadata | null, claims: Claims): Record<string, string> | null {
  // The kubelet's own labels say what other columns do.
  const labels = [...(metadata?.labels ?? [])].filter(([name]) => !name.startsWith('io.kubernetes.'))
  return claims.take('labels', [{ value: metadata && Object.fromEntries(labels), source: 'meta.db' }])
}

function seenAt(annotations: Pod['annotations']): string | null {
  return isoFromText(annotations.get('kubernetes.io/config.seen') ?? null)
}
