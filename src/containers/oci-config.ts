/** The OCI runtime's `config.json`: the container as the engine declared it to runc, crun or a shim. */

import { accessBits, DEVICE_TYPES, type DeviceRule } from '../kernel/device-access.js'
import { field, flag, integer, list, type Parsed, parseObject, text, textMap, texts } from './json.js'
import { readSeccompProfile, type SeccompProfile } from './seccomp-profile.js'

export interface OciMount {
  source: string | null
  target: string
  type: string | null
  options: string[]
}

export interface OciConfig {
  args: string[]
  /** `NAME=value` lines. */
  env: string[]
  cwd: string | null
  uid: number | null
  hostname: string | null
  mounts: OciMount[]
  /** The bounding set; null when the declaration has no capabilities at all. */
  capabilities: string[] | null
  effective: string[]
  seccomp: boolean
  /** What its filter lets through; null where it has none. */
  seccomp_profile: SeccompProfile | null
  apparmor: string | null
  no_new_privileges: boolean
  masked_paths: string[]
  readonly_paths: string[]
  root_readonly: boolean
  /** In bytes; null where nothing is limited. */
  memory_limit: number | null
  pids_limit: number | null
  /** Thousandths of a CPU that it may use at most. */
  cpu_limit: number | null
  /** Whether the rules for devices begin with one that forbids all. */
  restricts_devices: boolean
  /** Rules for devices; later ones count before earlier ones. */
  devices: DeviceRule[]
  /** `path` is null for a namespace of the container's own; a type that is not named is the parent's. */
  namespaces: { type: string; path: string | null }[]
  cgroups_path: string | null
  rootfs: string | null
  annotations: Map<string, string>
}

export function parseOciConfig(content: string): Parsed<OciConfig> {
  const parsed = parseObject(content, 'OCI config.json')
  return parsed.value === null ? parsed : readOciConfig(parsed.value)
}

export function readOciConfig(config: object): Parsed<OciConfig> {
  if (text(config, 'ociVersion') === null) return { value: null, problem: 'OCI config.json: no ociVersion' }
  const capabilities = texts(config, 'process', 'capabilities', 'bounding')
  const effective = texts(config, 'process', 'capabilities', 'effective')
  // Long, and few ask for it.
  let profile: SeccompProfile | null | undefined
  const value: OciConfig = {
    args: texts(config, 'process', 'args'),
    env: texts(config, 'process', 'env'),
    cwd: text(config, 'process', 'cwd'),
    uid: integer(config, 'process', 'user', 'uid'),
    hostname: text(config, 'hostname'),
    mounts: list(config, 'mounts').flatMap(readMount),
    capabilities: hasObject(config, 'process') ? capabilities : null,
    effective,
    seccomp: hasObject(config, 'linux', 'seccomp'),
    get seccomp_profile() {
      profile ??= readSeccompProfile(field(config, 'linux', 'seccomp'))
      return profile
    },
    apparmor: text(config, 'process', 'apparmorProfile'),
    no_new_privileges: flag(config, 'process', 'noNewPrivileges') ?? false,
    masked_paths: texts(config, 'linux', 'maskedPaths'),
    readonly_paths: texts(config, 'linux', 'readonlyPaths'),
    root_readonly: flag(config, 'root', 'readonly') ?? false,
    memory_limit: limit(config, 'memory'),
    pids_limit: limit(config, 'pids'),
    cpu_limit: cpuLimit(config),
    restricts_devices: restrictsDevices(list(config, 'linux', 'resources', 'devices')),
    devices: list(config, 'linux', 'resources', 'devices').map(readDeviceRule),
    namespaces: list(config, 'linux', 'namespaces').flatMap((item) => {
      const type = text(item, 'type')
      return type === null ? [] : [{ type, path: text(item, 'path') }]
    }),
    cgroups_path: text(config, 'linux', 'cgroupsPath'),
    rootfs: text(config, 'root', 'path'),
    annotations: textMap(config, 'annotations'),
  }
  return { value, problem: null }
}

/** A limit of a resource; 0 and -1 stand for none (runtime-spec, config-linux.md). */
function limit(config: object, resource: string): number | null {
  const value = integer(config, 'linux', 'resources', resource, 'limit')
  return value !== null && value > 0 ? value : null
}

/** The quota of each period, both in microseconds (Documentation/scheduler/sched-bwc.rst). */
function cpuLimit(config: object): number | null {
  const [quota, period] = ['quota', 'period'].map((name) => integer(config, 'linux', 'resources', 'cpu', name))
  // What the kernel takes where no period is given.
  return quota != null && quota > 0 ? Math.round((quota * 1000) / (period || 100_000)) : null
}

/** Later rules count before earlier ones; one without type and numbers is about all devices. */
function restrictsDevices(rules: readonly unknown[]): boolean {
  const all = rules.filter((rule) => [null, 'a'].includes(text(rule, 'type')) && integer(rule, 'major') === null)
  return flag(all.at(-1), 'allow') === false
}

/** Block devices are of the first type; a number that is absent or -1 is any, and so is a type that is absent. */
function readDeviceRule(rule: unknown): DeviceRule {
  const type = text(rule, 'type')
  const number = (value: number | null) => (value === null || value < 0 ? null : value)
  return {
    allow: flag(rule, 'allow') ?? false,
    types: type === 'b' ? [1] : type === 'c' || type === 'u' ? [2] : DEVICE_TYPES,
    major: number(integer(rule, 'major')),
    minor: number(integer(rule, 'minor')),
    bits: accessBits(text(rule, 'access') ?? 'rwm'),
  }
}

function readMount(item: unknown): OciMount[] {
  const target = text(item, 'destination')
  if (target === null) return []
  return [{ source: text(item, 'source'), target, type: text(item, 'type'), options: texts(item, 'options') }]
}

function hasObject(of: unknown, ...path: string[]): boolean {
  let at: unknown = of
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return false
    at = (at as Record<string, unknown>)[name]
  }
  return typeof at === 'object' && at !== null
}

/** What Kubernetes' runtimes write into the annotations, whichever of them it was. */
export interface CriAnnotations {
  manager: 'containerd' | 'cri-o' | 'podman' | null
  kind: 'container' | 'sandbox' | null
  sandbox_id: string | null
  container_name: string | null
  image: string | null
  pod_name: string | null
  pod_namespace: string | null
  /** containerd writes it from 1.6.11 and 1.7.0 on. */
  pod_uid: string | null
  hostname: string | null
}

export function readCriAnnotations(annotations: Map<string, string>): CriAnnotations {
  const get = (...names: string[]): string | null => {
    for (const name of names) {
      const value = annotations.get(name)
      if (value !== undefined && value !== '') return value
    }
    return null
  }
  const type = get('io.kubernetes.cri.container-type', 'io.kubernetes.cri-o.ContainerType')
  const kind = type === 'sandbox' || type === 'container' ? type : null
  const image = get('io.kubernetes.cri.image-name', 'io.kubernetes.cri-o.ImageName', 'io.kubernetes.cri-o.Image')
  return {
    manager: readManager(annotations),
    kind,
    sandbox_id: get('io.kubernetes.cri.sandbox-id', 'io.kubernetes.cri-o.SandboxID'),
    // CRI-O names its sandboxes' container "POD"; that is no name.
    container_name: kind === 'sandbox' ? null : get('io.kubernetes.cri.container-name', 'io.kubernetes.container.name'),
    image,
    pod_name: get('io.kubernetes.cri.sandbox-name', 'io.kubernetes.pod.name'),
    pod_namespace: get('io.kubernetes.cri.sandbox-namespace', 'io.kubernetes.pod.namespace'),
    pod_uid: get('io.kubernetes.cri.sandbox-uid', 'io.kubernetes.pod.uid'),
    hostname: get('io.kubernetes.cri-o.HostName'),
  }
}

function readManager(annotations: Map<string, string>): CriAnnotations['manager'] {
  const manager = annotations.get('io.container.manager')
  if (manager === 'cri-o') return 'cri-o'
  if (manager === 'libpod') return 'podman'
  for (const name of annotations.keys()) {
    if (name.startsWith('io.kubernetes.cri-o.')) return 'cri-o'
    if (name.startsWith('io.kubernetes.cri.')) return 'containerd'
  }
  return null
}

/**
 * What `--privileged` leaves in an OCI declaration: every capability, no seccomp filter and no masked path. Later
 * kernels have more capabilities than older engines know, so all up to CAP_AUDIT_READ count as every.
 */
export function isPrivileged(config: OciConfig, always: readonly string[]): boolean {
  const declared = new Set(config.capabilities ?? [])
  return always.every((name) => declared.has(name)) && !config.seccomp && config.masked_paths.length === 0
}
