/** Docker's own files under `containers/<id>/`: config.v2.json and hostconfig.json. */

import { flag, integer, list, members, type Parsed, parseObject, text, textMap, texts } from './json.js'
import { isoFromText } from './time.js'

export interface DockerMount {
  type: string | null
  source: string | null
  target: string
  /** The volume's name. */
  name: string | null
  writable: boolean | null
  propagation: string | null
}

export interface DockerNetwork {
  name: string
  address: string | null
  address6: string | null
  gateway: string | null
  mac: string | null
}

export interface DockerPort {
  /** `80/tcp`. */
  port: string
  /** `0.0.0.0:8080`. */
  published: string[]
}

export interface DockerConfig {
  id: string | null
  /** Without the leading slash. */
  name: string | null
  image: string | null
  image_id: string | null
  hostname: string | null
  path: string | null
  args: string[]
  env: string[]
  labels: Map<string, string>
  created: string | null
  running: boolean | null
  paused: boolean | null
  pid: number | null
  exit_code: number | null
  restart_count: number | null
  log_path: string | null
  /** Ports of the container by their protocols, each with where on the host it is published. */
  ports: DockerPort[]
  started: string | null
  finished: string | null
  mounts: DockerMount[]
  /** The files that Docker puts over the image's: resolv.conf, hostname, hosts, in the order of their targets. */
  files: { source: string; target: string }[]
  networks: DockerNetwork[]
  apparmor: string | null
  seccomp_profile: string | null
}

export function parseDockerConfig(content: string): Parsed<DockerConfig> {
  const parsed = parseObject(content, 'config.v2.json')
  if (parsed.value === null) return parsed
  const config = parsed.value
  const id = text(config, 'ID')
  const name = text(config, 'Name')
  if (id === null && name === null) return { value: null, problem: 'config.v2.json: neither ID nor Name' }
  const pid = integer(config, 'State', 'Pid')
  const value: DockerConfig = {
    id,
    name: name?.replace(/^\//, '') || null,
    image: text(config, 'Config', 'Image'),
    image_id: text(config, 'Image'),
    hostname: text(config, 'Config', 'Hostname'),
    path: text(config, 'Path'),
    args: texts(config, 'Args'),
    env: texts(config, 'Config', 'Env'),
    labels: textMap(config, 'Config', 'Labels'),
    created: isoFromText(text(config, 'Created')),
    running: flag(config, 'State', 'Running'),
    paused: flag(config, 'State', 'Paused'),
    pid: positive(pid),
    exit_code: integer(config, 'State', 'ExitCode'),
    restart_count: integer(config, 'RestartCount'),
    log_path: text(config, 'LogPath'),
    ports: readPorts(config, 'NetworkSettings', 'Ports'),
    started: isoFromText(text(config, 'State', 'StartedAt')),
    finished: isoFromText(text(config, 'State', 'FinishedAt')),
    mounts: members(config, 'MountPoints').map(([target, mount]) => readMount(target, mount)),
    files: [
      { source: text(config, 'HostnamePath'), target: '/etc/hostname' },
      { source: text(config, 'HostsPath'), target: '/etc/hosts' },
      { source: text(config, 'ResolvConfPath'), target: '/etc/resolv.conf' },
    ].flatMap(({ source, target }) => (source === null ? [] : [{ source, target }])),
    networks: members(config, 'NetworkSettings', 'Networks').map(readNetwork),
    apparmor: text(config, 'AppArmorProfile'),
    seccomp_profile: text(config, 'SeccompProfile'),
  }
  return { value, problem: null }
}

function readPorts(of: unknown, ...path: string[]): DockerPort[] {
  return members(of, ...path).map(([port, bindings]) => ({
    port,
    published: list({ bindings }, 'bindings').flatMap((binding) => {
      const port = text(binding, 'HostPort')
      return port === null ? [] : [publishedAt(text(binding, 'HostIp'), port)]
    }),
  }))
}

/** `0.0.0.0:8080`, `[::]:8080`; without an address that of any. */
export function publishedAt(host: string | null, port: string | number): string {
  return `${host?.includes(':') ? `[${host}]` : (host ?? '')}:${port}`
}

function readMount(target: string, mount: unknown): DockerMount {
  return {
    type: text(mount, 'Type'),
    source: text(mount, 'Source'),
    target: text(mount, 'Destination') ?? target,
    name: text(mount, 'Name'),
    writable: flag(mount, 'RW'),
    propagation: text(mount, 'Propagation'),
  }
}

function readNetwork([name, network]: [string, unknown]): DockerNetwork {
  return {
    name,
    address: withPrefix(text(network, 'IPAddress'), integer(network, 'IPPrefixLen')),
    address6: withPrefix(text(network, 'GlobalIPv6Address'), integer(network, 'GlobalIPv6PrefixLen')),
    gateway: text(network, 'Gateway'),
    mac: text(network, 'MacAddress'),
  }
}

function withPrefix(address: string | null, prefix: number | null): string | null {
  if (address === null) return null
  return prefix !== null && prefix > 0 ? `${address}/${prefix}` : address
}

export interface DockerHostConfig {
  privileged: boolean | null
  cap_add: string[]
  cap_drop: string[]
  /** null is Docker's default profile. */
  security_options: string[]
  network_mode: string | null
  pid_mode: string | null
  ipc_mode: string | null
  uts_mode: string | null
  binds: string[]
  /** An empty list was asked for, null is the default one. */
  masked_paths: string[] | null
  memory_limit: number | null
  pids_limit: number | null
  /** Thousandths of a CPU. */
  cpu_limit: number | null
  /** As asked for. */
  ports: DockerPort[]
  restart_policy: string | null
}

export function parseDockerHostConfig(content: string): Parsed<DockerHostConfig> {
  const parsed = parseObject(content, 'hostconfig.json')
  if (parsed.value === null) return parsed
  const config = parsed.value
  const privileged = flag(config, 'Privileged')
  const network_mode = text(config, 'NetworkMode')
  if (privileged === null && network_mode === null) {
    return { value: null, problem: 'hostconfig.json: neither Privileged nor NetworkMode' }
  }
  const value: DockerHostConfig = {
    privileged,
    cap_add: texts(config, 'CapAdd'),
    cap_drop: texts(config, 'CapDrop'),
    security_options: texts(config, 'SecurityOpt'),
    network_mode,
    pid_mode: text(config, 'PidMode'),
    ipc_mode: text(config, 'IpcMode'),
    uts_mode: text(config, 'UTSMode'),
    binds: texts(config, 'Binds'),
    masked_paths: Array.isArray((config as Record<string, unknown>).MaskedPaths) ? texts(config, 'MaskedPaths') : null,
    memory_limit: positive(integer(config, 'Memory')),
    pids_limit: positive(integer(config, 'PidsLimit')),
    cpu_limit: cpuLimit(config),
    ports: readPorts(config, 'PortBindings'),
    restart_policy: text(config, 'RestartPolicy', 'Name'),
  }
  return { value, problem: null }
}

/** 0 and -1 stand for no limit. */
function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null
}

/** `--cpus` is in billionths of a CPU; `--cpu-quota` is of each period, in microseconds. */
function cpuLimit(config: object): number | null {
  const [nano, quota] = ['NanoCpus', 'CpuQuota'].map((name) => positive(integer(config, name)))
  if (nano != null) return Math.round(nano / 1e6)
  return quota == null ? null : Math.round((quota * 1000) / (positive(integer(config, 'CpuPeriod')) ?? 100_000))
}
