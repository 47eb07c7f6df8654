/** What was declared of a container beside what the containers table has: its engine's records, else what memory has of them. */

import type { Warning } from '../warning.js'
import { carveFor } from './ask-daemons.js'
import { type Claim, Claims } from './claims.js'
import { DAEMON, NETWORK_STORE } from './columns.js'
import { type CriMetadata, declaredPorts } from './containerd-metadata.js'
import type { BuiltContainers } from './containers.js'
import type { DockerConfig, DockerPort } from './docker-config.js'
import type { Daemon } from './dockerd-memory.js'
import type { Carved } from './heap-records.js'
import type { Subject } from './pods.js'
import type { RuncState } from './runc-state.js'
import type { ContainerRow } from './types.js'

export interface SettingsRow {
  container: string
  command: string[] | null
  image_id: string | null
  created: string | null
  finished: string | null
  exit_code: number | null
  restarts: number | null
  restart_policy: string | null
  ports: string[] | null
  log_path: string | null
  memory_limit: number | null
  cpu_limit: number | null
  pids_limit: number | null
  compose_project: string | null
  compose_service: string | null
  ecs_task: string | null
  labels: Record<string, string> | null
  layers: string[] | null
  /** Column → where its value came from. */
  sources: Record<string, string>
}

/** A record of an engine, with the place it was found in. */
interface From<T> {
  value: T
  source: string
}

/** What is known of one container, each kind of record in the order in which it is believed. */
interface Records {
  subject: Subject
  row: ContainerRow
  docker: From<DockerConfig>[]
  metadata: From<CriMetadata>[]
  carved: readonly Carved[]
  /** Of its pod's sandbox. */
  sandbox: From<CriMetadata>[]
  /** By its first process's root. */
  layers: readonly string[] | null
}

/** One row per container; `layersOf` tells what the root of a process is made of, the upper directory first. */
export function buildSettings(
  { rows, subjects }: Pick<BuiltContainers, 'rows' | 'subjects'>,
  daemons: readonly Daemon[],
  layersOf: (pid: number) => readonly string[] | null,
): { rows: SettingsRow[]; warnings: Warning[] } {
  const byId = new Map(subjects.map((subject) => [subject.id, subject]))
  const { records, warnings } = carveFor(
    daemons,
    rows.filter(({ id }) => lacksRecord(byId.get(id))),
  )
  const metadataOf = (id: string | null | undefined): From<CriMetadata>[] => {
    const stored = byId.get(id ?? '')?.declared?.metadata
    const carved = (records.get(id ?? '') ?? []).flatMap(({ metadata: value, source }) =>
      value === null ? [] : [{ value, source }],
    )
    return [...(stored ? [{ value: stored.value, source: 'meta.db' }] : []), ...carved]
  }
  const found = rows.map((row) => {
    const subject = byId.get(row.id)
    if (subject === undefined) return []
    const carved = records.get(row.id) ?? subject.carved
    const metadata = metadataOf(row.id)
    const layers = row.init_pid === null ? null : layersOf(row.init_pid)
    const sandbox = metadataOf(metadata[0]?.value.sandbox_id)
    return [
      settings({ subject, row, docker: dockerRecords(subject, carved), metadata, carved, sandbox, layers }, warnings),
    ]
  })
  return { rows: found.flat(), warnings }
}

/** An engine keeps more of each container than its runtime is told; where that is not in a file it may be in memory. */
function lacksRecord(subject: Subject | undefined): boolean {
  if (subject === undefined || !/^[0-9a-f]{64}$/.test(subject.id)) return false
  const { declared, group, shim } = subject
  const isDocker = declared?.engine === 'docker' || group?.scope?.runtime === 'docker' || shim?.namespace === 'moby'
  if (isDocker) return declared?.docker == null
  return group?.scope?.pod_uid != null && declared?.metadata == null && declared?.storage == null
}

function dockerRecords({ declared }: Subject, carved: readonly Carved[]): From<DockerConfig>[] {
  const file = declared?.docker
  return [
    ...(file ? [{ value: file.value, source: 'config.v2.json' }] : []),
    ...carved.flatMap(({ docker: value, source }) => (value === null ? [] : [{ value, source }])),
  ]
}

function of<T, V>(records: readonly From<T>[], read: (record: T) => V | null | undefined): Claim<V>[] {
  return records.map(({ value, source }) => ({ value: read(value), source }))
}

function settings(records: Records, warnings: Warning[]): SettingsRow {
  const { subject, row, docker, metadata, carved, layers } = records
  const { declared, spec, spec_source, daemon, conmon, kubernetes_name } = subject
  const claims = new Claims(row.id, warnings)
  claims.sources.container = row.sources.id ?? ''
  const [host, status, storage] = [declared?.host_config?.value, declared?.status?.value, declared?.storage?.value]
  const libpod = declared?.libpod?.value
  const labels = claims.take('labels', labelClaims(records), null)
  const label = (column: string, ...names: string[]): string | null => {
    const value = names.map((name) => labels?.[name]).find((text) => text) ?? null
    if (value !== null) claims.sources[column] = claims.sources.labels ?? ''
    return value
  }
  const ended = row.state === 'exited'
  const take = <T>(column: string, ...all: Claim<T>[]) => claims.take(column, all, null)
  return {
    container: row.id,
    command: take(
      'command',
      { value: spec?.args, source: spec_source },
      ...of(docker, ({ path, args }) => (path === null ? null : [path, ...args])),
      { value: libpod && libpod.command.length > 0 ? libpod.command : null, source: 'db.sql' },
    ),
    image_id: claims.take('image_id', [
      ...of(docker, ({ image_id }) => image_id),
      { value: daemon?.image_id, source: DAEMON },
      ...of(metadata, ({ image_id }) => image_id),
      { value: storage?.image_id, source: 'containers.json' },
      { value: libpod?.image_id, source: 'db.sql' },
      ...carved.map(({ image_id: value, source }) => ({ value, source })),
    ]),
    created: take(
      'created',
      ...of(docker, ({ created }) => created),
      { value: status?.created, source: 'CRI status' },
      { value: storage?.created, source: 'containers.json' },
      { value: libpod?.created, source: 'db.sql' },
      { value: daemon?.created, source: DAEMON },
      startedOnce(row, declared?.state?.value ?? null),
    ),
    finished: take(
      'finished',
      ...of(docker, ({ finished }) => (ended ? finished : null)),
      { value: ended ? status?.finished : null, source: 'CRI status' },
      { value: ended ? libpod?.finished : null, source: 'db.sql' },
    ),
    exit_code: take(
      'exit_code',
      ...of(docker, ({ exit_code, running }) => (ended && running === false ? exit_code : null)),
      { value: ended && status?.finished ? status.exit_code : null, source: 'CRI status' },
      { value: ended ? libpod?.exit_code : null, source: 'db.sql' },
    ),
    restarts: take(
      'restarts',
      ...of(docker, ({ restart_count }) => restart_count),
      ...of(metadata, ({ kind, attempt }) => (kind === 'container' ? attempt : null)),
      { value: libpod?.restarts, source: 'db.sql' },
      { value: kubernetes_name?.value.attempt, source: kubernetes_name?.source ?? '' },
      { value: declared?.log?.value.attempt, source: 'kubelet log name' },
      ...carved.map(({ restarts: value, source }) => ({ value, source })),
    ),
    restart_policy: take(
      'restart_policy',
      { value: host?.restart_policy, source: 'hostconfig.json' },
      { value: libpod?.restart_policy, source: 'db.sql' },
    ),
    ports: take('ports', ...portClaims(records)),
    log_path: take(
      'log_path',
      ...of(docker, ({ log_path }) => log_path),
      ...criLogs(records),
      { value: daemon?.log_path, source: DAEMON },
      {
        value: conmon?.log_path,
        source: 'conmon arguments',
      },
      { value: libpod?.log_path, source: 'db.sql' },
    ),
    memory_limit: take(
      'memory_limit',
      { value: spec?.memory_limit, source: spec_source },
      { value: host?.memory_limit, source: 'hostconfig.json' },
    ),
    cpu_limit: take(
      'cpu_limit',
      { value: spec?.cpu_limit, source: spec_source },
      { value: host?.cpu_limit, source: 'hostconfig.json' },
    ),
    pids_limit: take(
      'pids_limit',
      { value: spec?.pids_limit, source: spec_source },
      { value: host?.pids_limit, source: 'hostconfig.json' },
    ),
    compose_project: label('compose_project', 'com.docker.compose.project', 'io.podman.compose.project'),
    compose_service: label('compose_service', 'com.docker.compose.service'),
    ecs_task: take('ecs_task', ...taskClaims(records, labels, claims.sources.labels ?? '')),
    labels,
    layers: take('layers', { value: layers && [...layers], source: 'root of the first process' }),
    sources: claims.sources,
  }
}

/** A runtime makes a container anew each time that an engine starts it: of those that are started again it is another time. */
function startedOnce({ runtime }: ContainerRow, state: RuncState | null): Claim<string> {
  const isStartedAgain = runtime === 'docker' || runtime === 'podman'
  return { value: isStartedAgain ? null : state?.created, source: state?.source ?? '' }
}

function labelClaims({ docker, metadata, subject }: Records): Claim<Record<string, string>>[] {
  const libpod = subject.declared?.libpod
  return [
    ...of(docker, ({ labels }) => Object.fromEntries(labels)),
    ...of(metadata, ({ labels }) => Object.fromEntries(labels)),
    { value: libpod && Object.fromEntries(libpod.value.labels), source: 'db.sql' },
  ]
}

function portClaims({ docker, metadata, subject }: Records): Claim<string[]>[] {
  const host = subject.declared?.host_config
  const stored = subject.declared?.network?.value.ports ?? []
  const libpod = subject.declared?.libpod
  return [
    // What does not run publishes nothing, and was still asked to.
    ...of(docker, ({ ports, running }) => (ports.length > 0 || running === true ? shown(ports) : null)),
    { value: host && shown(host.value.ports), source: 'hostconfig.json' },
    { value: stored.length === 0 ? null : shown(stored), source: NETWORK_STORE },
    ...of(metadata, ({ kind, ports }) => (kind === 'container' ? shown(ports) : null)),
    { value: sandboxPorts(subject), source: subject.spec_source },
    { value: libpod && shown(libpod.value.ports), source: 'db.sql' },
  ]
}

/** CRI-O hands the annotations of a container on to its runtime. */
function sandboxPorts({ spec }: Subject): string[] | null {
  const annotation = spec?.annotations.get('io.kubernetes.container.ports') ?? null
  return annotation === null ? null : shown(declaredPorts(annotation))
}

/** As `docker ps` shows them: `0.0.0.0:8080->80/tcp`. */
function shown(ports: readonly DockerPort[]): string[] {
  return ports.flatMap(({ port, published }) =>
    published.length === 0 ? [port] : published.map((host) => `${host}->${port}`),
  )
}

/** The kubelet names logs below the directory of the pod. */
function criLogs({ metadata, sandbox, subject }: Records): Claim<string>[] {
  const directory = sandbox.find(({ value }) => value.log_path !== null)
  const log = subject.declared?.log?.value
  const { pod_namespace, pod_name, pod_uid, container_name, attempt } = log ?? {}
  return [
    ...of(metadata, ({ kind, log_path }) =>
      kind === 'sandbox' || log_path === null || directory === undefined
        ? null
        : `${directory.value.log_path}/${log_path}`,
    ),
    {
      value:
        pod_uid == null || attempt == null
          ? null
          : `/var/log/pods/${pod_namespace}_${pod_name}_${pod_uid}/${container_name}/${attempt}.log`,
      source: 'kubelet log name',
    },
  ]
}

/** Amazon's agent names its task in the cgroup and in labels, and on Fargate in the address of its metadata. */
function taskClaims({ subject, docker }: Records, labels: SettingsRow['labels'], source: string): Claim<string>[] {
  const task = /^([0-9a-f]{32})-\d+$/
  const inEnvironment = (env: readonly string[]) =>
    env
      .map((line) => /^ECS_CONTAINER_METADATA_URI(?:_V4)?=.{1,256}\/v[34]\/([\w-]{1,64})$/.exec(line)?.[1] ?? '')
      .map((endpoint) => task.exec(endpoint)?.[1])
      .find((id) => id !== undefined)
  const arn = labels?.['com.amazonaws.ecs.task-arn']
  return [
    { value: subject.group?.scope?.task, source: 'cgroup path' },
    { value: arn?.slice(arn.lastIndexOf('/') + 1), source },
    { value: inEnvironment(subject.spec?.env ?? []), source: subject.spec_source },
    ...of(docker, ({ env }) => inEnvironment(env)),
  ]
}
