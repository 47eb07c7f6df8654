/** What the container engines declared, read from the files that the kernel still caches. */

import { EVICTED } from '../kernel/files.js'
import type { Warning } from '../warning.js'
import { containerdImages } from './bolt.js'
import type { CachedFiles } from './cached-files.js'
import { type CriMetadata, carveCriRecords } from './containerd-metadata.js'
import { type CriStatus, parseCrioState, parseCriStatus } from './cri-status.js'
import type { DataRoots } from './data-roots.js'
import { type DockerConfig, type DockerHostConfig, parseDockerConfig, parseDockerHostConfig } from './docker-config.js'
import type { Parsed } from './json.js'
import { type ContainerLogName, parseContainerLogName, parsePodLogDirectory, parsePodLogPath } from './kubelet-logs.js'
import { findLayout } from './layouts.js'
import { type LibpodContainer, readLibpodDatabase } from './libpod-database.js'
import { carveNetworks, type StoredNetwork } from './network-store.js'
import { type OciConfig, parseOciConfig } from './oci-config.js'
import { parseStoredContainers, type StoredContainer } from './podman-storage.js'
import { readUserdata, type Userdata } from './podman-userdata.js'
import { parseCrunStatus, parseRuncState, type RuncState } from './runc-state.js'

export interface Found<T> {
  value: T
  path: string
  /** The inode whose pages were read. */
  address: bigint
}

export interface DeclaredContainer {
  id: string
  /** The container in whose own files it was found: its engine runs in there. */
  within: string | null
  /** containerd's. */
  namespace: string | null
  /** Which engine's directory it was found in. */
  engine: 'docker' | 'containerd' | 'podman' | null
  spec: Found<OciConfig> | null
  /** From meta.db: the declaration of a container that no longer has a bundle. */
  stored_spec: Found<OciConfig> | null
  state: Found<RuncState> | null
  /** The runtime's init still waits at its `exec.fifo` for `start`, which removes it. */
  waiting: boolean
  docker: Found<DockerConfig> | null
  host_config: Found<DockerHostConfig> | null
  /** From libnetwork's database, which is asked where Docker's own files are gone. */
  network: Found<StoredNetwork> | null
  status: Found<CriStatus> | null
  metadata: Found<CriMetadata> | null
  /** From meta.db: what containerd itself knows, of containers that are not the kubelet's too. */
  stored_image: Found<string> | null
  storage: Found<StoredContainer> | null
  userdata: Found<Userdata> | null
  /** From podman's database. */
  libpod: Found<LibpodContainer> | null
  log: Found<ContainerLogName & { pod_uid: string | null; attempt: number | null }> | null
  /** containerd's directory of a pod's sandbox, with the host name it holds. */
  sandbox: Found<{ files: string[]; hostname: string | null }> | null
}

export interface Declared {
  containers: Map<string, DeclaredContainer>
  warnings: Warning[]
}

const maximumContainers = 20_000
const anyId = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/
const id64 = /^[0-9a-f]{64}$/

export function readDeclared(files: CachedFiles, roots: DataRoots): Declared {
  const reader = new Reader(files)
  const layout = findLayout(files, roots)
  for (const root of layout.bundles) reader.bundles(root)
  for (const { path, namespace } of layout.states) reader.states(path, namespace)
  for (const path of layout.docker) reader.docker(path)
  for (const path of layout.cri) reader.cri(path)
  for (const path of layout.storage) reader.storage(path)
  for (const path of new Set(layout.storage.map((path) => path.slice(0, path.lastIndexOf('/'))))) {
    reader.libpod(`${path}/db.sql`)
  }
  reader.logs()
  for (const path of layout.metadata) reader.metadata(path)
  reader.ownBundles()
  if (reader.lacksDocker) for (const path of layout.networks) reader.networks(path)
  return { containers: reader.containers, warnings: [...reader.warnings, ...reader.evicted()] }
}

class Reader {
  readonly containers = new Map<string, DeclaredContainer>()
  readonly warnings: Warning[] = []
  readonly #files: CachedFiles
  /** Paths of files of which pages have left memory. */
  readonly #evicted: string[] = []
  #full = false

  constructor(files: CachedFiles) {
    this.#files = files
  }

  bundles(root: string): void {
    for (const namespace of this.#directories(root)) {
      for (const bundle of this.#directories(namespace.path)) {
        const container = this.#container(bundle.name)
        if (container === null) continue
        container.namespace ??= namespace.name
        container.engine ??= namespace.name === 'moby' ? 'docker' : 'containerd'
        container.spec ??= this.#parse(`${bundle.path}/config.json`, parseOciConfig)
      }
    }
  }

  states(root: string, namespace: string | null): void {
    for (const entry of this.#directories(root)) {
      const container = this.#container(entry.name)
      if (container === null) continue
      container.namespace ??= namespace
      container.state ??=
        this.#parse(`${entry.path}/state.json`, parseRuncState) ?? this.#parse(`${entry.path}/status`, parseCrunStatus)
      container.waiting ||= this.#files.list(entry.path).some((file) => file.name === 'exec.fifo')
      // crun keeps a copy of the declaration beside its status, where runc keeps none.
      container.spec ??= this.#parse(`${entry.path}/config.json`, parseOciConfig)
    }
  }

  /** Of containers that somebody runs by hand: runc knows the folder that the declaration was read from. */
  ownBundles(): void {
    for (const container of this.containers.values()) {
      const bundle = container.engine === null && container.spec === null ? container.state?.value.bundle : null
      if (bundle != null) container.spec = this.#parse(`${bundle}/config.json`, parseOciConfig)
    }
  }

  docker(root: string): void {
    for (const entry of this.#directories(root)) {
      if (!id64.test(entry.name)) continue
      const docker = this.#parse(`${entry.path}/config.v2.json`, parseDockerConfig)
      const host_config = this.#parse(`${entry.path}/hostconfig.json`, parseDockerHostConfig)
      const container = this.#container(entry.name)
      if (container === null) continue
      container.engine = 'docker'
      container.docker ??= docker
      container.host_config ??= host_config
    }
  }

  cri(root: string): void {
    for (const entry of this.#directories(`${root}/containers`)) {
      const container = this.#container(entry.name)
      if (container === null) continue
      container.engine ??= 'containerd'
      container.status ??= this.#parse(`${entry.path}/status`, parseCriStatus)
    }
    for (const entry of this.#directories(`${root}/sandboxes`)) {
      const container = this.#container(entry.name)
      if (container === null) continue
      container.engine ??= 'containerd'
      const files = this.#files.list(entry.path).map((file) => file.name)
      const hostname = this.#files.read(`${entry.path}/hostname`)
      const name = hostname.text === null ? null : (/^\s*([\w.-]{1,253})\s*$/.exec(hostname.text)?.[1] ?? null)
      container.sandbox ??= { value: { files, hostname: name }, path: entry.path, address: entry.address }
    }
  }

  storage(root: string): void {
    for (const name of ['containers.json', 'volatile-containers.json']) {
      const stored = this.#parse(`${root}/${name}`, parseStoredContainers)
      for (const value of stored?.value ?? []) {
        const container = this.#container(value.id)
        if (container === null || stored === null) continue
        container.engine ??= 'podman'
        container.storage ??= { value, path: stored.path, address: stored.address }
      }
    }
    for (const entry of this.#directories(root)) {
      if (!id64.test(entry.name)) continue
      const container = this.#container(entry.name)
      if (container === null) continue
      container.engine ??= 'podman'
      const path = `${entry.path}/userdata`
      container.spec ??= this.#parse(`${path}/config.json`, parseOciConfig)
      container.status ??= this.#parse(`${path}/state.json`, parseCrioState)
      const userdata = readUserdata(this.#files, path, entry.name)
      if (userdata !== null) container.userdata ??= { value: userdata, path, address: entry.address }
    }
  }

  libpod(path: string): void {
    const file = this.#files.readBytes?.(path) ?? null
    for (const [id, value] of (file && readLibpodDatabase(file.bytes)) ?? []) {
      const container = this.#container(id)
      if (container === null || file === null) continue
      container.engine ??= 'podman'
      container.libpod ??= { value, path, address: file.address }
    }
  }

  logs(): void {
    const pods = new Map<string, string | null>()
    for (const entry of this.#files.list('/var/log/pods')) {
      const pod = parsePodLogDirectory(entry.name)
      if (pod === null) continue
      const key = `${pod.pod_namespace}/${pod.pod_name}`
      // Two pods of one name, one after the other: without the link's target it is open which one it was.
      pods.set(key, pods.has(key) ? null : pod.pod_uid)
    }
    for (const entry of this.#files.list('/var/log/containers')) {
      const name = entry.kind === 'symlink' || entry.kind === 'file' ? parseContainerLogName(entry.name) : null
      if (name === null) continue
      const target = parsePodLogPath(this.#files.readlink(entry.path) ?? '')
      const container = this.#container(name.id)
      if (container === null) continue
      const pod_uid = target?.pod_uid ?? pods.get(`${name.pod_namespace}/${name.pod_name}`) ?? null
      const value = { ...name, pod_uid, attempt: target?.attempt ?? null }
      container.log ??= { value, path: entry.path, address: entry.address }
    }
  }

  /** What is not damaged, only gone, leaves the table whole; cells that are null for it have a reason all the same. */
  evicted(): Warning[] {
    const [first] = this.#evicted
    if (first === undefined) return []
    const message = `files of engines that are not wholly in the page cache, as ${first}: what they alone say is null`
    return [{ code: 'note', message, count: this.#evicted.length }]
  }

  metadata(path: string): void {
    const present = this.#files.readPresent?.(path) ?? null
    if (present === null) return
    const records = carveCriRecords(present.text)
    if (records.capped) this.warnings.push({ code: 'cap', message: `${path}: not all of its records were looked at` })
    for (const [id, value] of records.metadata) {
      const container = this.containers.get(id)
      if (container !== undefined) container.metadata ??= { value, path, address: present.address }
    }
    for (const [id, value] of records.specs) {
      const container = this.containers.get(id)
      if (container !== undefined) container.stored_spec ??= { value, path, address: present.address }
    }
    const file = this.#files.readBytes?.(path) ?? null
    for (const [id, value] of file === null ? [] : containerdImages(file.bytes)) {
      const container = this.containers.get(id)
      if (container !== undefined) container.stored_image ??= { value, path, address: present.address }
    }
  }

  get lacksDocker(): boolean {
    return [...this.containers.values()].some(({ engine, docker }) => engine === 'docker' && docker === null)
  }

  networks(path: string): void {
    const present = this.#files.readPresent?.(path) ?? null
    if (present === null) return
    const { containers, capped } = carveNetworks(present.text)
    if (capped) this.warnings.push({ code: 'cap', message: `${path}: not all of its records were looked at` })
    for (const [id, value] of containers) {
      const container = this.containers.get(id)
      if (container !== undefined) container.network ??= { value, path, address: present.address }
    }
  }

  #directories(path: string): { name: string; path: string; address: bigint }[] {
    return this.#files.list(path).filter((entry) => entry.kind === 'directory')
  }

  #container(id: string): DeclaredContainer | null {
    const known = this.containers.get(id)
    if (known !== undefined) return known
    if (!anyId.test(id)) return null
    if (this.containers.size >= maximumContainers) {
      if (!this.#full) {
        this.warnings.push({ code: 'cap', message: `more than ${maximumContainers} container directories` })
      }
      this.#full = true
      return null
    }
    const container: DeclaredContainer = {
      id,
      within: null,
      namespace: null,
      engine: null,
      spec: null,
      stored_spec: null,
      state: null,
      waiting: false,
      docker: null,
      host_config: null,
      network: null,
      status: null,
      metadata: null,
      stored_image: null,
      storage: null,
      userdata: null,
      libpod: null,
      log: null,
      sandbox: null,
    }
    this.containers.set(id, container)
    return container
  }

  /** A file that is not cached is no news; one that is and makes no sense is. */
  #parse<T>(path: string, parse: (text: string) => Parsed<T>): Found<T> | null {
    const file = this.#files.read(path)
    if (file.text === null) {
      if (file.reason === EVICTED) this.#evicted.push(path)
      return null
    }
    const parsed = parse(file.text)
    if (parsed.problem !== null) {
      this.warnings.push({
        code: 'malformed',
        message: `${path}: ${parsed.problem}`,
        address: `0x${file.address.toString(16)}`,
      })
      return null
    }
    return { value: parsed.value, path, address: file.address }
  }
}
