/** The containers table: cgroups, tasks, namespaces and mounts of the kernel joined with the engines' declarations. */

import type { Warning } from '../warning.js'
import { askDaemons, carveNames } from './ask-daemons.js'
import { capabilityNames, everyCapability, sortCapabilities } from './capabilities.js'
import { Claims } from './claims.js'
import {
  DAEMON,
  hostnameClaims,
  ISOLATED,
  initClaims,
  NETWORK_STORE,
  nameClaims,
  podClaims,
  podNameByHost,
  runtimeClaims,
  runtimeGuesses,
  takeSandboxName,
} from './columns.js'
import { dataRoots } from './data-roots.js'
import { type Declared, type DeclaredContainer, readDeclared } from './declared.js'
import { groupByContainer } from './groups.js'
import { leftoverNotes, leftoversOf } from './leftovers.js'
import { mountClaims } from './mounts.js'
import { lenders, networksOf } from './networks.js'
import { isPrivileged, type OciConfig } from './oci-config.js'
import {
  annotationsOf,
  findMonitors,
  idSource,
  isSandbox,
  kindOf,
  kubernetesName,
  type Monitors,
  noMountNames,
  podByHostname,
  readMountNames,
  type Subject,
  sandboxOf,
  shareNamespaces,
} from './pods.js'
import { isStartOf } from './runc-state.js'
import { stateOf } from './state.js'
import type { ContainerEvidence, ContainerRow, Evidence, ProcessEvidence } from './types.js'

const id64 = /^[0-9a-f]{64}$/

/** What an engine declared of a container to its runtime. */
export interface Declaration {
  readonly spec: OciConfig
  /** Where it was found. */
  readonly source: string
}

export interface BuiltContainers {
  rows: ContainerRow[]
  warnings: Warning[]
  /** By container; one whose declaration has left memory is not in it. */
  declarations: Map<string, Declaration>
  declared: Declared
  /** What the rows were made from. */
  subjects: readonly Subject[]
}

export function buildContainers(evidence: Evidence): BuiltContainers {
  const declared = declaredIn(evidence)
  const groups = groupByContainer(evidence.cgroups, evidence.processes, declared)
  const monitors = findMonitors(evidence.processes)
  const byPid = new Map(evidence.processes.map((process) => [process.pid, process]))
  const host = byPid.get(1) ?? null

  const leftovers = leftoversOf(groups, declared, monitors)
  const ids = new Set([...groups.keys()].filter((id) => !leftovers.has(id)))
  for (const container of declared.containers.values()) if (isKnown(container)) ids.add(container.id)
  const subjects = [...ids].sort().map((id) => {
    const group = groups.get(id) ?? null
    const container = declared.containers.get(id) ?? null
    return makeSubject(id, group, container, declared.containers, monitors, byPid, evidence.mounts)
  })

  askDaemons(evidence.daemons ?? [], subjects)
  let built = rowsOf(subjects, host, evidence)
  const carving = carveNames(evidence.daemons ?? [], subjects, built.rows)
  if (carving.found) built = rowsOf(subjects, host, evidence)
  const warnings = [...declared.warnings, ...leftoverNotes(leftovers), ...carving.warnings, ...built.warnings]
  const { rows } = built
  const declarations = new Map(
    subjects.flatMap(({ id, spec, spec_source }) => (spec === null ? [] : [[id, { spec, source: spec_source }]])),
  )
  return { rows, warnings, declarations, declared, subjects }
}

function rowsOf(
  subjects: readonly Subject[],
  host: ProcessEvidence | null,
  { networks: interfaces, networks6: interfaces6 }: Evidence,
): { rows: ContainerRow[]; warnings: Warning[] } {
  const warnings: Warning[] = []
  const sandboxes = subjects.filter(isSandbox)
  const shared = shareNamespaces(sandboxes, host)
  const byId = new Map(subjects.map((subject) => [subject.id, subject]))
  const lenderOf = lenders(subjects)
  const rows = subjects.map((subject) => {
    const sandbox = isSandbox(subject) ? null : sandboxOf(subject, sandboxes, shared)
    const peer = /^container:(.+)$/.exec(subject.declared?.host_config?.value.network_mode ?? '')?.[1]
    const provider = sandbox ?? byId.get(peer ?? '') ?? lenderOf(subject)
    const outside = [host, byId.get(subject.group?.parent ?? '')?.init ?? null]
    return buildRow(subject, sandbox, outside, { host, interfaces, interfaces6, provider }, warnings)
  })
  return { rows, warnings }
}

/** What the host's engines declare, and then what those in containers do. */
function declaredIn({ files, processes, inner = [] }: Evidence): Declared {
  const own = processes.filter(({ container }) => container === null)
  const declared = readDeclared(files, dataRoots(own, files))
  for (const { container: within, ...engine } of inner) {
    const found = readDeclared(engine.files, dataRoots(engine.processes, engine.files))
    declared.warnings.push(...found.warnings)
    for (const [id, container] of found.containers) {
      // It may see the host's files too, and the host's engines know these better.
      if (!declared.containers.has(id) && id !== within) declared.containers.set(id, { ...container, within })
    }
  }
  return declared
}

/** A directory named by a full id was a container's; another name counts only with something readable in it. */
function isKnown(container: DeclaredContainer): boolean {
  const { spec, state, docker, status, storage, userdata, log } = container
  return (
    id64.test(container.id) || [spec, state, docker, status, storage, userdata, log].some((found) => found !== null)
  )
}

function makeSubject(
  id: string,
  group: Subject['group'],
  declared: DeclaredContainer | null,
  containers: ReadonlyMap<string, DeclaredContainer>,
  monitors: Monitors,
  byPid: ReadonlyMap<number, ProcessEvidence>,
  mounts: Evidence['mounts'],
): Subject {
  const init = initProcess(group, declared, monitors, byPid)
  const spec = declared?.spec ?? declared?.stored_spec ?? null
  const own = init === null ? [] : (mounts.get(init.pid) ?? [])
  const conmon = monitors.conmons.get(id) ?? null
  return {
    id,
    group,
    declared,
    spec: spec?.value ?? null,
    spec_source: declared?.spec ? 'OCI config.json' : 'meta.db',
    annotations: annotationsOf(spec?.value ?? null),
    init,
    mounts: own,
    from_mounts: init === null ? noMountNames : readMountNames(own),
    shim: init?.ppid == null ? null : (monitors.shims.get(init.ppid) ?? null),
    conmon,
    kubernetes_name: kubernetesName(declared, conmon),
    daemon: null,
    carved: [],
    pod_by_hostname: group === null ? podByHostname(declared, containers) : null,
  }
}

function initProcess(
  group: Subject['group'],
  declared: DeclaredContainer | null,
  monitors: Monitors,
  byPid: ReadonlyMap<number, ProcessEvidence>,
): ProcessEvidence | null {
  const { state, docker, status } = declared ?? {}
  const sandbox_id = annotationsOf(declared?.spec?.value ?? null)?.sandbox_id
  for (const pid of [state?.value.init_pid, docker?.value.pid, status?.value.pid]) {
    const process = byPid.get(pid ?? -1)
    if (process === undefined) continue
    if (group?.processes.includes(process)) return process
    // In another cgroup: still the container's when its own shim or its runtime started it, and no reused pid.
    const shim = monitors.shims.get(process.ppid ?? -1)?.id
    if (shim !== undefined && (shim === declared?.id || shim === sandbox_id)) return process
    if (state != null && pid === state.value.init_pid && isStartOf(state.value, process)) return process
  }
  return group?.first ?? null
}

function buildRow(
  subject: Subject,
  sandbox: Subject | null,
  outside: readonly (ProcessEvidence | null)[],
  network: Parameters<typeof networksOf>[1],
  warnings: Warning[],
): ContainerRow {
  const { id, group, declared, init, spec, spec_source, annotations } = subject
  const claims = new Claims(id, warnings)
  claims.sources.id = idSource(subject)
  const { kind, source } = kindOf(subject)
  claims.sources.kind = source
  const parent = claims.take('parent', [
    { value: group?.parent, source: 'cgroup path' },
    { value: declared?.within, source: 'files of the container around it' },
  ])
  const runtime = claims.take('runtime', runtimeClaims(subject)) ?? claims.take('runtime', runtimeGuesses(subject))
  const state = stateOf(subject, claims)
  const count = group?.processes.length ?? 0
  claims.sources.processes = processesSource(subject)
  if (init !== null && !group?.processes.includes(init)) {
    claims.disagree('processes', `its first process ${init.pid} is in another cgroup`)
  }
  const pid = state === 'exited' ? null : (init?.pid ?? null)
  const init_pid = claims.take('init_pid', initClaims(subject, pid))
  const pod_uid = claims.take('pod_uid', podClaims(subject, sandbox, 'pod_uid'))
  const pod_name =
    claims.take('pod_name', podClaims(subject, sandbox, 'pod_name')) ??
    claims.take('pod_name', podNameByHost(subject, outside))
  const pod_namespace = claims.take('pod_namespace', podClaims(subject, sandbox, 'pod_namespace'))
  const docker = declared?.docker?.value
  return {
    id,
    kind,
    parent,
    runtime,
    name: kind === 'sandbox' ? takeSandboxName(claims, subject, pod_name) : claims.take('name', nameClaims(subject)),
    image: claims.take('image', [
      { value: annotations?.image, source: spec_source },
      { value: docker?.image, source: 'config.v2.json' },
      { value: subject.daemon?.image, source: DAEMON },
      { value: declared?.metadata?.value.image, source: 'meta.db' },
      { value: declared?.stored_image?.value, source: 'meta.db' },
      { value: declared?.storage?.value.image, source: 'containers.json' },
      { value: declared?.libpod?.value.image, source: 'db.sql' },
      { value: declared?.userdata?.value.environment?.image, source: '.containerenv' },
      ...subject.carved.map(({ image, source }) => ({ value: image, source })),
    ]),
    state,
    init_pid,
    processes: count,
    started: claims.take(
      'started',
      [
        { value: docker?.started, source: 'config.v2.json' },
        { value: declared?.status?.value.started, source: 'CRI status' },
        { value: declared?.libpod?.value.started, source: 'db.sql' },
        { value: init?.started, source: 'task_struct' },
      ],
      // The first process is made some time before the engine says that the container has started.
      null,
    ),
    pod_uid,
    pod_name,
    pod_namespace,
    hostname: claims.take('hostname', hostnameClaims(subject, sandbox)),
    privileged: claims.take('privileged', [
      { value: declared?.host_config?.value.privileged, source: 'hostconfig.json' },
      { value: podmanPrivileged(spec), source: `${spec_source} (io.podman.annotations.privileged)` },
      {
        value: spec && isPrivileged(spec, everyCapability),
        source: `${spec_source} (all capabilities, no seccomp filter, no masked paths)`,
      },
      { value: declared?.storage?.value.privileged, source: 'containers.json' },
      { value: declared?.libpod?.value.privileged, source: 'db.sql' },
    ]),
    capabilities: claims.take(
      'capabilities',
      [
        { value: spec?.capabilities && sortCapabilities(spec.capabilities), source: spec_source },
        { value: init?.cap_bset == null ? null : capabilityNames(init.cap_bset), source: 'task_struct' },
      ],
      // A process may drop some of what it was given, and get none that it was not.
      (given, held) => held.some((name) => !given.includes(name)),
    ),
    seccomp: claims.take(
      'seccomp',
      [
        { value: seccompMode(init?.seccomp ?? null), source: 'task_struct' },
        { value: spec && (spec.seccomp ? ('filter' as const) : ('disabled' as const)), source: spec_source },
      ],
      (actual, wanted) => wanted === 'filter' && actual === 'disabled',
    ),
    mounts: claims.take('mounts', mountClaims(subject), null),
    networks: networksOf(subject, network, claims),
    sources: claims.sources,
    evidence: evidenceOf(subject),
  }
}

function processesSource({ group, declared }: Subject): string {
  if (group === null) return 'no cgroup of its own'
  if (group.scope !== null) return 'cgroup path'
  return declared === null ? ISOLATED : 'declared cgroup path'
}

function podmanPrivileged(spec: OciConfig | null): boolean | null {
  const value = spec?.annotations.get('io.podman.annotations.privileged')?.toLowerCase()
  return value === 'true' ? true : value === 'false' ? false : null
}

function seccompMode(mode: number | null): 'disabled' | 'strict' | 'filter' | null {
  return mode === null ? null : ((['disabled', 'strict', 'filter'] as const)[mode] ?? null)
}

function evidenceOf({ declared, daemon, carved }: Subject): ContainerEvidence[] {
  const held = daemon && { path: `dockerd (pid ${daemon.pid})`, address: daemon.address }
  const found = [
    ['OCI config.json', declared?.spec],
    ['meta.db', declared?.stored_spec ?? declared?.metadata ?? declared?.stored_image],
    [declared?.state?.value.source ?? '', declared?.state],
    ['config.v2.json', declared?.docker],
    ['hostconfig.json', declared?.host_config],
    ['CRI status', declared?.status],
    ['containers.json', declared?.storage],
    ['userdata directory', declared?.userdata],
    ['db.sql', declared?.libpod],
    ['kubelet log name', declared?.log],
    ['sandbox directory', declared?.sandbox],
    [DAEMON, held],
    [NETWORK_STORE, declared?.network],
    ...carved.map(({ source, program, ...at }) => [source, { ...at, path: `${program} (pid ${at.pid})` }] as const),
  ] as const
  return found.flatMap(([source, at]) =>
    at == null ? [] : [{ source, path: at.path, address: `0x${at.address.toString(16)}` }],
  )
}
