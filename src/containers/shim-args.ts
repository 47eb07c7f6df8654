/** What the arguments of containerd's shims and of conmon tell. A process can overwrite its own arguments. */

import { readOptions } from './program-options.js'

export interface ShimArguments {
  /** containerd's namespace: moby is Docker's, k8s.io Kubernetes'. */
  namespace: string
  /** In Kubernetes the sandbox's, whatever container the shim also carries. */
  id: string
  address: string | null
}

export interface ConmonArguments {
  id: string
  /** podman's name, or CRI-O's k8s_… one. */
  name: string | null
  bundle: string | null
  runtime: string | null
  log_path: string | null
}

export interface KubernetesName {
  container_name: string
  pod_name: string
  pod_namespace: string
  pod_uid: string
  attempt: number
}

export function parseShimArguments(args: readonly string[]): ShimArguments | null {
  const program = programName(args)
  if (program === null || !/^containerd-shim(?:-[a-z0-9]+)*$/.test(program)) return null
  const options = readOptions(args, ['namespace', 'id', 'address'])
  const namespace = options.get('namespace')
  const id = options.get('id') ?? idOfWorkdir(args)
  if (!namespace || !id) return null
  return { namespace, id, address: options.get('address') ?? null }
}

/** `<namespace>/<id>` of every shim: where containerd puts a container's cgroup when its client names no other. */
export function shimmedBy(processes: Iterable<{ args: readonly string[] | null }>): Set<string> {
  const found = new Set<string>()
  for (const { args } of processes) {
    const shim = args === null ? null : parseShimArguments(args)
    if (shim !== null) found.add(`${shim.namespace}/${shim.id}`)
  }
  return found
}

/** The first shim (containerd-shim, v1) has no -id: its -workdir ends with it. */
function idOfWorkdir(args: readonly string[]): string | null {
  const workdir = readOptions(args, ['workdir']).get('workdir')
  return /\/([0-9a-f]{64})\/?$/.exec(workdir?.slice(-128) ?? '')?.[1] ?? null
}

const OF_CONMON = ['c', 'cid', 'u', 'cuuid', 'n', 'name', 'b', 'bundle', 'r', 'runtime', 'l', 'log-path']
/** What these are given is for other programs, and may look like an option of conmon's. */
const HANDED_ON = ['exit-command-arg', 'runtime-arg', 'runtime-opt']

export function parseConmonArguments(args: readonly string[]): ConmonArguments | null {
  const program = programName(args)
  if (program !== 'conmon' && program !== 'conmonrs') return null
  const options = readOptions(args, [...OF_CONMON, ...HANDED_ON])
  const get = (short: string, long: string): string | null => options.get(short) || options.get(long) || null
  const id = get('c', 'cid') ?? get('u', 'cuuid')
  if (id === null) return null
  return {
    id,
    name: get('n', 'name'),
    bundle: get('b', 'bundle'),
    runtime: get('r', 'runtime'),
    log_path: logPath(get('l', 'log-path')),
  }
}

/** `[DRIVER:]PATH`; the journal has no path. */
function logPath(option: string | null): string | null {
  const path = option?.replace(/^[\w-]{1,32}:/, '') ?? ''
  return path.startsWith('/') ? path : null
}

/** `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`; the sandbox's container is POD. */
export function parseKubernetesName(name: string): KubernetesName | null {
  if (name.length > 1024) return null
  const parts = name.replace(/^\//, '').split('_')
  const [prefix, container_name, pod_name, pod_namespace, pod_uid, attempt] = parts
  // dockershim appends a random part when a name is taken.
  if (prefix !== 'k8s' || (parts.length !== 6 && parts.length !== 7)) return null
  if (!container_name || !pod_name || !pod_namespace || !pod_uid || !/^\d{1,9}$/.test(attempt ?? '')) return null
  return { container_name, pod_name, pod_namespace, pod_uid, attempt: Number(attempt) }
}

function programName(args: readonly string[]): string | null {
  const path = args[0]
  if (path === undefined || path.length > 4096) return null
  return path.slice(path.lastIndexOf('/') + 1)
}
