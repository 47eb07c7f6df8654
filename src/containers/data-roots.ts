/** Where engines were told to keep things: their daemons' arguments, and the files that these read at their start. */

import type { CachedFiles } from './cached-files.js'
import { parseObject, text } from './json.js'
import { readOptions } from './program-options.js'
import type { ProcessEvidence } from './types.js'

/** Folders beside those that engines have by default. */
export interface DataRoots {
  /** dockerd's data: `<root>/containers/<id>/config.v2.json`. */
  docker: string[]
  /** dockerd's state: `<root>/runtime-runc/<namespace>/<id>/state.json`. */
  docker_state: string[]
  containerd: string[]
  containerd_state: string[]
  /** Storage of podman and CRI-O: `<root>/overlay-containers/`. */
  storage: string[]
}

type Told = Partial<Record<keyof DataRoots, (string | null | undefined)[]>>
/** What was started, and the files that its engine sees. */
type Reader = (get: (...names: string[]) => string | null, files: CachedFiles) => Told

/** Longer configurations are nobody's. */
const MOST_TEXT = 1 << 20
/** Daemons that are asked; an attacker may name many processes so. */
const MOST_DAEMONS = 256

/** A key of a TOML file's beginning, or of one of its tables: `root = "/data"`. */
function tomlText(files: CachedFiles, path: string, key: string, table: string | null = null): string | null {
  const { text: content } = files.read(path)
  if (content === null || content.length > MOST_TEXT) return null
  let at: string | null = null
  for (const line of content.split('\n')) {
    const head = /^\s*\[([^[\]]{1,200})\]\s*(?:#.*)?$/.exec(line)?.[1]
    if (head !== undefined) at = head.trim()
    const [, name, , value] = /^\s*(\w{1,64})\s*=\s*(["'])(.{0,4096}?)\2\s*(?:#.*)?$/.exec(line) ?? []
    if (at === table && name === key && value !== undefined) return value
  }
  return null
}

/** Whether there is anything in the folder that an engine has by default: then no configuration moved it. */
function isUsed(files: CachedFiles, path: string): boolean {
  return files.list(path).length > 0
}

function dockerd(get: (...names: string[]) => string | null, files: CachedFiles): Told {
  const moved = !isUsed(files, '/var/lib/docker/containers')
  const configuration = moved ? files.read(get('config-file') ?? '/etc/docker/daemon.json').text : null
  const told = configuration === null ? null : parseObject(configuration, 'daemon.json').value
  return {
    docker: [get('data-root', 'graph', 'g'), text(told, 'data-root'), text(told, 'graph')],
    docker_state: [get('exec-root'), text(told, 'exec-root')],
  }
}

function containerd(get: (...names: string[]) => string | null, files: CachedFiles): Told {
  const path = get('config', 'c') ?? '/etc/containerd/config.toml'
  const told = { containerd: [get('root')], containerd_state: [get('state')] }
  if (isUsed(files, '/run/containerd/io.containerd.runtime.v2.task')) return told
  told.containerd.push(tomlText(files, path, 'root'))
  told.containerd_state.push(tomlText(files, path, 'state'))
  return told
}

function storage(get: (...names: string[]) => string | null, files: CachedFiles): Told {
  if (isUsed(files, '/var/lib/containers/storage')) return { storage: [get('root'), get('runroot')] }
  const told = ['graphroot', 'runroot'].map((key) => tomlText(files, '/etc/containers/storage.conf', key, 'storage'))
  const crio = ['root', 'runroot'].map((key) => tomlText(files, '/etc/crio/crio.conf', key, 'crio'))
  return { storage: [get('root'), get('runroot'), ...told, ...crio] }
}

/** conmon is told the bundle: `<storage>/overlay-containers/<id>/userdata`. */
function conmon(get: (...names: string[]) => string | null): Told {
  return { storage: [/^(.+)\/[\w-]+-containers\/[0-9a-f]{64}\/userdata$/.exec(get('bundle', 'b') ?? '')?.[1]] }
}

/** k3s and rke2 keep all of theirs, and containerd's, below one folder. */
function rancher(get: (...names: string[]) => string | null): Told {
  const folder = get('data-dir', 'd')
  return folder === null ? {} : { containerd: [`${folder}/agent/containerd`] }
}

/** Readers by the name of the program, which is the file that runs, whatever it calls itself. */
const READERS: Readonly<Record<string, Reader>> = {
  dockerd,
  containerd,
  crio: storage,
  podman: storage,
  conmon,
  k3s: rancher,
  rke2: rancher,
}
const OPTIONS = [
  ...['config-file', 'data-root', 'graph', 'g', 'exec-root', 'config', 'c', 'root', 'state', 'runroot'],
  ...['bundle', 'b', 'data-dir', 'd'],
  // What conmon hands on to others.
  ...['exit-command-arg', 'runtime-arg', 'runtime-opt'],
]

function programOf({ exe, args }: ProcessEvidence): string {
  const path = exe ?? args[0] ?? ''
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Whether a process is of an engine that keeps containers. */
export function isEngineDaemon(process: ProcessEvidence): boolean {
  return Object.hasOwn(READERS, programOf(process))
}

/** A folder from the root on, without its last slash; null where it is none. */
function folder(path: string | null | undefined): string | null {
  const plain = path?.replace(/\/+$/, '') ?? ''
  return /^\/.{1,4095}$/s.test(plain) && !plain.split('/').includes('..') ? plain : null
}

/** What the daemons among some processes were told, each folder once. */
export function dataRoots(processes: readonly ProcessEvidence[], files: CachedFiles): DataRoots {
  const roots: DataRoots = { docker: [], docker_state: [], containerd: [], containerd_state: [], storage: [] }
  for (const process of processes.filter(isEngineDaemon).slice(0, MOST_DAEMONS)) {
    const options = readOptions(process.args, OPTIONS)
    const get = (...names: string[]) => names.map((name) => options.get(name)).find((value) => value) ?? null
    const told = READERS[programOf(process)]?.(get, files) ?? {}
    for (const [kind, paths] of Object.entries(told) as [keyof DataRoots, (string | null | undefined)[]][]) {
      for (const path of paths) {
        const found = folder(path)
        if (found !== null && !roots[kind].includes(found)) roots[kind].push(found)
      }
    }
  }
  return roots
}
