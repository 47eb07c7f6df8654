/**
 * podman's database of containers from 4.8 on, `db.sql` beside its storage (libpod/sqlite_state_internal.go): of each its
 * configuration and its state, as JSON. It says what has become of a container that no longer runs.
 */

import { append } from '../append.js'
import { type DockerPort, publishedAt } from './docker-config.js'
import { flag, integer, list, members, parseObject, text, textMap, texts } from './json.js'
import { readSqliteTable, type SqliteValue } from './sqlite.js'
import { isoFromText } from './time.js'
import type { ContainerState } from './types.js'

export interface LibpodContainer {
  name: string | null
  image: string | null
  image_id: string | null
  /** podman's own pod. */
  pod_id: string | null
  hostname: string | null
  command: string[]
  labels: Map<string, string>
  ports: DockerPort[]
  networks: string[]
  privileged: boolean | null
  restart_policy: string | null
  log_path: string | null
  created: string | null
  state: ContainerState | null
  started: string | null
  finished: string | null
  exit_code: number | null
  restarts: number | null
}

/** ContainerStatus (libpod/define/containerstate.go): configured, created, running, stopped, paused, exited, removing, stopping. */
const STATES: readonly (ContainerState | null)[] = [
  null,
  'created',
  'created',
  'running',
  'exited',
  'paused',
  'exited',
  'exited',
  'running',
]
const ID = /^[0-9a-f]{64}$/
/** What Go writes for a time that is none. */
const NEVER = '0001-01-01T'

/** By the containers' ids; null where the file is no database of podman's. */
export function readLibpodDatabase(file: Uint8Array): Map<string, LibpodContainer> | null {
  const configurations = readSqliteTable(file, 'ContainerConfig')
  if (configurations === null) return null
  const states = new Map(
    (readSqliteTable(file, 'ContainerState') ?? []).map(([id, state, , json]) => [id, { state, json }]),
  )
  return new Map(
    configurations.flatMap(([id, name, pod, json]): [string, LibpodContainer][] => {
      if (typeof id !== 'string' || !ID.test(id)) return []
      const config = objectOf(json)
      // What names another container in itself is of another moment.
      if (config === null || text(config, 'id') !== id) return []
      const { state, json: own } = states.get(id) ?? { state: null, json: null }
      return [[id, { ...configured(config, name ?? null, pod ?? null), ...lived(state ?? null, objectOf(own)) }]]
    }),
  )
}

function objectOf(json: SqliteValue | undefined): object | null {
  return typeof json === 'string' ? parseObject(json, 'db.sql').value : null
}

function configured(config: object, name: SqliteValue, pod: SqliteValue) {
  return {
    name: text(config, 'name') ?? (typeof name === 'string' ? name : null),
    image: text(config, 'rootfsImageName') || null,
    image_id: text(config, 'rootfsImageID') || null,
    pod_id: typeof pod === 'string' && pod !== '' ? pod : null,
    hostname: text(config, 'spec', 'hostname'),
    command: texts(config, 'spec', 'process', 'args'),
    labels: textMap(config, 'labels'),
    ports: portsOf(config),
    networks: members(config, 'newNetworks').map(([network]) => network),
    privileged: flag(config, 'privileged'),
    restart_policy: text(config, 'restart_policy') || null,
    log_path: text(config, 'logPath') || null,
    created: timeOf(config, 'createdTime'),
  }
}

function lived(state: SqliteValue, json: object | null) {
  // The JSON is written with each change, the column as well.
  const number = integer(json, 'state') ?? (typeof state === 'number' ? state : 0)
  const finished = timeOf(json, 'finishedTime')
  return {
    state: STATES[number] ?? null,
    started: timeOf(json, 'startedTime'),
    finished,
    exit_code: finished === null ? null : (integer(json, 'exitCode') ?? 0),
    restarts: json === null ? null : (integer(json, 'restartCount') ?? 0),
  }
}

function timeOf(of: unknown, name: string): string | null {
  const told = text(of, name)
  return told === null || told.startsWith(NEVER) ? null : isoFromText(told)
}

/** Ports are ranges: `{"host_ip":"","container_port":80,"host_port":8080,"range":1,"protocol":"tcp"}`. */
function portsOf(config: object): DockerPort[] {
  const ports = new Map<string, string[]>()
  for (const mapping of list(config, 'newPortMappings')) {
    const [port, host] = [integer(mapping, 'container_port'), integer(mapping, 'host_port')]
    const range = Math.min(Math.max(integer(mapping, 'range') ?? 1, 1), 1024)
    if (port === null || host === null) continue
    for (let at = 0; at < range; at++) {
      const name = `${port + at}/${text(mapping, 'protocol') || 'tcp'}`
      append(ports, name, publishedAt(text(mapping, 'host_ip') || '0.0.0.0', host + at))
    }
  }
  return [...ports].map(([port, published]) => ({ port, published }))
}
