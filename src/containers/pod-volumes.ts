/**
 * A pod's volumes. The kubelet keeps each at `pods/<uid>/volumes/<plugin>/<name>`, and has it mounted from there; what it
 * has mounted from elsewhere is a path of the host.
 */

import type { CachedFiles } from './cached-files.js'
import { parseObject, text } from './json.js'
import type { MountEvidence } from './types.js'

export interface PodVolume {
  /** Of the pod's declaration; that of the persistent volume for storage that is claimed; null where nothing tells it. */
  name: string | null
  kind: string
  source: string
  /** Where each container has it. */
  targets: { container: string | null; path: string }[]
  /** What the kernel says is mounted there: a device, tmpfs, a server's export. */
  device: string | null
  /** CSI driver. */
  driver: string | null
}

/** Mounts of one container, as asked for and as they are. */
export interface MountedBy {
  container: string | null
  declared: readonly { source: string | null; target: string }[]
  actual: readonly MountEvidence[]
}

/** Names of plugins (pkg/volume) where the API has another. */
const KINDS: Readonly<Record<string, string>> = {
  'empty-dir': 'emptyDir',
  configmap: 'configMap',
  'downward-api': 'downwardAPI',
  'host-path': 'hostPath',
  'git-repo': 'gitRepo',
}
/** Made by the kubelet or the engine for each container; no volume of the pod's. */
const OWN =
  /\/pods\/[^/]+\/(?:etc-hosts|containers\/[^/]+\/[^/]+)$|\/sandboxes\/[0-9a-f]{64}\/|\/[0-9a-f]{64}\/userdata\//
const VOLUME = /\/pods\/([0-9A-Za-z.-]{1,63})\/(?:volumes|volumeDevices)\/([^/]{1,128})\/([^/]{1,253})(\/.*)?$/
const SUBPATH = /\/pods\/([0-9A-Za-z.-]{1,63})\/volume-subpaths\/([^/]{1,253})\/[^/]{1,253}\/\d{1,9}$/
const MOST = 4096

export function volumesOf(
  uid: string,
  mounted: readonly MountedBy[],
  roots: readonly string[],
  files: CachedFiles,
): PodVolume[] {
  const volumes = new Map<string, PodVolume>()
  const put = (made: Omit<PodVolume, 'targets' | 'device' | 'driver'>): PodVolume => {
    const key = made.name === null ? made.source : `${made.kind}/${made.name}`
    const known = volumes.get(key)
    if (known !== undefined) return known
    const volume = { ...made, targets: [], device: null, driver: null }
    if (volumes.size < MOST) volumes.set(key, volume)
    return volume
  }
  for (const root of roots) for (const found of listed(`${root}/pods/${uid}/volumes`, files)) put(found)
  for (const { container, declared, actual } of mounted) {
    for (const { source, target } of declared.slice(0, MOST)) {
      if (source === null || !source.startsWith('/') || OWN.test(source)) continue
      const volume = put(volumeAt(source, [...volumes.values()]))
      volume.targets.push({ container, path: target })
      volume.device ??= deviceOf(source, target, actual)
    }
  }
  return [...volumes.values()].map((volume) => withDriver(volume, files)).sort(byPlace)
}

/** What is mounted there, or by a link elsewhere (/var/run is mostly /run): then it is known by what of its disk it shows. */
function deviceOf(source: string, target: string, actual: readonly MountEvidence[]): string | null {
  const mount = actual.find(({ mountpoint }) => mountpoint === target || `/var${mountpoint}` === target)
  const linked = source === '/' ? undefined : actual.find(({ root }) => root === source)
  return (mount ?? linked)?.source ?? null
}

function* listed(folder: string, files: CachedFiles): Generator<Omit<PodVolume, 'targets' | 'device' | 'driver'>> {
  for (const plugin of files.list(folder)) {
    if (plugin.kind !== 'directory') continue
    for (const { name, path, kind } of files.list(plugin.path)) {
      if (kind === 'directory') yield { name, kind: kindOf(plugin.name), source: path }
    }
  }
}

function volumeAt(source: string, known: readonly PodVolume[]): Omit<PodVolume, 'targets' | 'device' | 'driver'> {
  const [, , plugin, name] = VOLUME.exec(source.slice(0, 4096)) ?? []
  if (plugin !== undefined && name !== undefined) {
    const at = source.indexOf(`/${plugin}/${name}`) + plugin.length + name.length + 2
    return { name, kind: kindOf(plugin), source: source.slice(0, at) }
  }
  const of = SUBPATH.exec(source.slice(0, 4096))?.[2]
  if (of !== undefined) {
    const whole = known.find((volume) => volume.name === of)
    return { name: of, kind: whole?.kind ?? 'subPath', source: whole?.source ?? source }
  }
  return { name: null, kind: 'hostPath', source }
}

/** The plugin's directory is its name with `~` for its `/`. */
function kindOf(plugin: string): string {
  const name = plugin.slice(plugin.indexOf('~') + 1)
  return Object.hasOwn(KINDS, name) ? (KINDS[name] ?? name) : name
}

/** The kubelet writes down which driver a CSI volume is of, and whether it outlives the pod: then it was claimed. */
function withDriver(volume: PodVolume, files: CachedFiles): PodVolume {
  if (volume.kind !== 'csi') return volume
  const data = files.read(`${volume.source}/vol_data.json`).text
  const value = data === null ? null : parseObject(data, 'vol_data.json').value
  const life = text(value, 'volumeLifecycleMode')
  // The provisioner names what it makes for a claim by the claim's uid.
  const claimed = life === null ? /^pvc-[0-9a-f-]{36}$/.test(volume.name ?? '') : life === 'Persistent'
  return { ...volume, kind: claimed ? 'pvc' : 'csi', driver: text(value, 'driverName') }
}

function byPlace(left: PodVolume, right: PodVolume): number {
  return left.source < right.source ? -1 : left.source > right.source ? 1 : 0
}
