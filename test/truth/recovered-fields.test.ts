/**
 * Every field that docker inspect, podman inspect, crictl inspect and the kubelet gave: of how many containers and pods it
 * was recovered, and from which source. What is recovered is what they told. Mounts, networks and capabilities are held
 * against what they told beside the rest of the table of containers.
 */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { droppedSample, samples, sharedImages, type Table, type TruthImage, table } from './images.js'

type Row = Table['rows'][number]
// biome-ignore lint/suspicious/noExplicitAny: what docker, podman, crictl and the kubelet printed
type Told = any

/** A cell that ought to be there: what was told, or null where that is nothing; `field` is the teller's name for it. */
interface Cell {
  table: string
  id: string
  field: string
  column: string
  value: unknown
}

const KEYS: Readonly<Record<string, string>> = {
  containers: 'id',
  'container-settings': 'container',
  pods: 'uid',
}
/** What memory does not have: no token is mounted into a pod that asked for none. */
const LACKING: Readonly<Record<string, Record<string, number>>> = {
  'k8s-debian13': { 'pod: serviceAccountName': 1 },
  // What dockerd keeps in its own objects alone, and no text of it is left: most of these ports and labels are none.
  'docker-debian13-dropped': {
    'Config.Labels': 6,
    'HostConfig.RestartPolicy': 11,
    'NetworkSettings.Ports': 7,
    RestartCount: 6,
  },
}
const NEVER = /^0001-01-01/

/** 2026-11-23T12:56:37.77398008Z → 2026-11-23T12:56:37.773980Z */
function micros(time: string): string | null {
  if (NEVER.test(time)) return null
  const [second = '', fraction = ''] = time.replace('Z', '').split('.')
  return `${second}.${fraction.padEnd(6, '0').slice(0, 6)}Z`
}

function cells(table: string, id: string, fields: Record<string, [column: string, value: unknown]>): Cell[] {
  return Object.entries(fields).map(([field, [column, value]]) => ({ table, id, field, column, value: value ?? null }))
}

function publishedPorts(ports: Record<string, { HostIp: string; HostPort: string }[] | null>): string[] {
  return Object.entries(ports).flatMap(([port, hosts]) =>
    (hosts ?? []).map(
      ({ HostIp, HostPort }) => `${HostIp.includes(':') ? `[${HostIp}]` : HostIp}:${HostPort}->${port}`,
    ),
  )
}

function dockerCells(told: Told): Cell[] {
  const { State, Config, HostConfig, NetworkSettings, GraphDriver } = told
  const [ended, layers] = [State.Status === 'exited', GraphDriver.Data]
  const labels: Record<string, string> = Config.Labels
  return [
    ...cells('containers', told.Id, {
      Name: ['name', told.Name.slice(1)],
      'Config.Image': ['image', Config.Image],
      'State.Status': ['state', State.Status],
      'State.Pid': ['init_pid', State.Pid || null],
      'State.StartedAt': ['started', micros(State.StartedAt)],
      'Config.Hostname': ['hostname', Config.Hostname],
      'HostConfig.Privileged': ['privileged', HostConfig.Privileged],
    }),
    ...cells('container-settings', told.Id, {
      'Path, Args': ['command', [told.Path, ...told.Args]],
      Image: ['image_id', told.Image],
      Created: ['created', micros(told.Created)],
      'State.FinishedAt': ['finished', ended ? micros(State.FinishedAt) : null],
      'State.ExitCode': ['exit_code', ended ? State.ExitCode : null],
      RestartCount: ['restarts', told.RestartCount],
      'HostConfig.RestartPolicy': ['restart_policy', HostConfig.RestartPolicy.Name],
      'NetworkSettings.Ports': ['ports', publishedPorts(NetworkSettings.Ports)],
      LogPath: ['log_path', told.LogPath],
      'HostConfig.Memory': ['memory_limit', HostConfig.Memory || null],
      'HostConfig.NanoCpus': ['cpu_limit', HostConfig.NanoCpus ? HostConfig.NanoCpus / 1e6 : null],
      'HostConfig.PidsLimit': ['pids_limit', HostConfig.PidsLimit || null],
      'compose project': ['compose_project', labels['com.docker.compose.project']],
      'compose service': ['compose_service', labels['com.docker.compose.service']],
      'Config.Labels': ['labels', labels],
      GraphDriver: ['layers', ended ? null : [layers.UpperDir, ...layers.LowerDir.split(':')]],
    }),
  ]
}

function podmanCells(told: Told): Cell[] {
  const { State, HostConfig } = told
  return cells('containers', told.Id, {
    Name: ['name', told.Name],
    'State.Status': ['state', State.Status],
    'State.Pid': ['init_pid', State.Status === 'exited' ? null : State.Pid],
    'HostConfig.Privileged': ['privileged', State.Status === 'exited' ? null : HostConfig.Privileged],
  })
}

function readAll(image: TruthImage, folder: string): Told[] {
  return readdirSync(join(image.folder, 'truth', folder)).map((file) => image.truth(`${folder}/${file}`))
}

const ports = (annotation: string | undefined): string[] =>
  JSON.parse(annotation ?? '[]').map(
    ({ containerPort, protocol }: Told) => `${containerPort}/${protocol.toLowerCase()}`,
  )

function criContainer({ status, info }: Told): Cell[] {
  const { labels, annotations, resources } = status
  const ended = status.state === 'CONTAINER_EXITED'
  const { memoryLimitInBytes, cpuQuota, cpuPeriod } = resources?.linux ?? {}
  return [
    ...cells('containers', status.id, {
      'metadata.name': ['name', status.metadata.name],
      'image.image': ['image', info.config.image.user_specified_image],
      state: ['state', ended ? 'exited' : 'running'],
      pid: ['init_pid', info.pid || null],
      startedAt: ['started', micros(status.startedAt)],
      'pod uid': ['pod_uid', labels['io.kubernetes.pod.uid']],
      'pod name': ['pod_name', labels['io.kubernetes.pod.name']],
      'pod namespace': ['pod_namespace', labels['io.kubernetes.pod.namespace']],
      privileged: ['privileged', info.config.linux?.security_context?.privileged ?? false],
    }),
    ...cells('container-settings', status.id, {
      args: ['command', info.runtimeSpec.process.args],
      imageRef: ['image_id', status.imageRef],
      createdAt: ['created', micros(status.createdAt)],
      finishedAt: ['finished', ended ? micros(status.finishedAt) : null],
      exitCode: ['exit_code', ended ? status.exitCode : null],
      'metadata.attempt': ['restarts', status.metadata.attempt],
      'container.ports': ['ports', ports(annotations['io.kubernetes.container.ports'])],
      logPath: ['log_path', status.logPath],
      memoryLimitInBytes: ['memory_limit', Number(memoryLimitInBytes ?? 0) || null],
      cpuQuota: ['cpu_limit', Number(cpuQuota ?? 0) > 0 ? (Number(cpuQuota) * 1000) / Number(cpuPeriod) : null],
      labels: ['labels', labels],
    }),
  ]
}

function criSandbox({ status, info }: Told): Cell[] {
  return [
    ...cells('containers', status.id, {
      'sandbox: name': ['name', status.metadata.name],
      'sandbox: namespace': ['pod_namespace', status.metadata.namespace],
      'sandbox: uid': ['pod_uid', status.metadata.uid],
      'sandbox: state': ['state', status.state === 'SANDBOX_READY' ? 'running' : 'exited'],
      'sandbox: pid': ['init_pid', info.pid || null],
    }),
    ...cells('container-settings', status.id, { 'sandbox: labels': ['labels', status.labels] }),
  ]
}

function kubeletPod({ metadata, spec, status }: Told): Cell[] {
  // The API names a static pod by another uid than the kubelet does.
  const uid = metadata.annotations?.['kubernetes.io/config.hash'] ?? metadata.uid
  const named = (containers: Told[] | undefined) => (containers ?? []).map(({ name }) => name).sort()
  return cells('pods', uid, {
    'pod: name': ['name', metadata.name],
    'pod: namespace': ['namespace', metadata.namespace],
    'pod: node': ['node', spec.nodeName],
    'pod: serviceAccountName': ['service_account', spec.serviceAccountName],
    'pod: qosClass': ['qos', status.qosClass],
    'pod: containers': ['containers', named(spec.containers)],
    'pod: initContainers': ['init_containers', named(spec.initContainers)],
    'pod: hostNetwork': ['host_network', spec.hostNetwork ?? false],
    'pod: hostPID': ['host_pid', spec.hostPID ?? false],
    'pod: hostIPC': ['host_ipc', spec.hostIPC ?? false],
    'pod: labels': ['labels', metadata.labels],
  })
}

function toldBy(image: TruthImage): Cell[] {
  if (image.has('raw/docker-inspect.json')) {
    const told = image.truth<Told[]>('raw/docker-inspect.json')
    // Of those that do not run the kernel has nothing, and their files are gone; when the others started it says by itself.
    const isDropped = image.title === droppedSample().title
    return told
      .filter(({ State }) => !isDropped || State.Running)
      .flatMap(dockerCells)
      .filter(({ column }) => !isDropped || column !== 'started')
  }
  if (image.has('raw/podman-inspect.json')) return image.truth<Told[]>('raw/podman-inspect.json').flatMap(podmanCells)
  return [
    ...readAll(image, 'raw/crictl-inspect').flatMap(criContainer),
    ...readAll(image, 'raw/crictl-inspectp').flatMap(criSandbox),
    ...image.truth<Told>('api/kubelet-pods.json').items.flatMap(kubeletPod),
  ]
}

/** As both may have it in another order. */
function comparable(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
}

interface Field {
  told: number
  recovered: number
  /** Source → of how many. */
  sources: Map<string, number>
}

/** Fields that were told, and that are of something: one that is empty everywhere says nothing. */
function recovered(all: readonly Cell[], rowOf: (table: string, id: string) => Row | undefined): Map<string, Field> {
  const fields = new Map<string, Field>()
  for (const { table, id, field, column, value } of all) {
    const row = rowOf(table, id)
    const cell = row?.[column] ?? null
    if (cell !== null || value === null)
      expect(comparable(cell), `${field} of ${id} in ${table}.${column}`).toEqual(comparable(value))
    if (value === null) continue
    const known = fields.get(field) ?? { told: 0, recovered: 0, sources: new Map() }
    fields.set(field, known)
    known.told++
    if (cell === null) continue
    known.recovered++
    const source = (row?.sources as Record<string, string> | undefined)?.[column] ?? 'none named'
    known.sources.set(source, (known.sources.get(source) ?? 0) + 1)
  }
  return fields
}

function print(title: string, fields: ReadonlyMap<string, Field>): void {
  const lines = [...fields].map(([field, { told, recovered, sources }]) => {
    const from = [...sources].map(([source, count]) => `${source} ${count}`).join(', ')
    return `  ${field.padEnd(26)} ${`${recovered}/${told}`.padStart(7)}  ${from}`
  })
  console.log([`recovered of ${title}:`, ...lines].join('\n'))
}

for (const image of [...samples(), droppedSample(), ...sharedImages()]) {
  describe(`what engines told of ${image.title}`, () => {
    image.require()
    const isWhole = [droppedSample(), ...sharedImages()].some(({ title }) => title === image.title)

    it('is recovered as they told it, from sources that are named', () => {
      const all = toldBy(image).filter(({ table }) => isWhole || table === 'containers')
      const tables = new Map<string, Map<unknown, Row>>()
      const rowOf = (name: string, id: string) => {
        const key = KEYS[name] ?? 'id'
        const rows =
          tables.get(name) ??
          new Map(table(name, image.as(image.formats[0] ?? 'elf')).rows.map((row) => [row[key], row]))
        tables.set(name, rows)
        return rows.get(id)
      }
      const fields = recovered(all, rowOf)
      print(image.title, fields)
      const lost = [...fields].flatMap(([field, { told, recovered }]) =>
        recovered < told ? [[field, told - recovered]] : [],
      )
      expect(fields.size).toBeGreaterThanOrEqual(isWhole ? 16 : 4)
      expect(Object.fromEntries(lost)).toEqual(LACKING[image.name] ?? {})
    })
  })
}
