/** What the kubelet was told: by its arguments, and by the file of its configuration. */

import type { CachedFiles } from './cached-files.js'
import { parseFlags } from './flags.js'
import { text as jsonText, parseObject } from './json.js'
import type { ProcessEvidence } from './types.js'

/** Where it keeps pods unless it is told otherwise, and where distributions have it keep them. */
const ROOTS = ['/var/lib/kubelet', '/var/lib/k0s/kubelet', '/var/snap/microk8s/common/var/lib/kubelet']
const MANIFESTS = '/etc/kubernetes/manifests'
const LONGEST = 1 << 20
const MOST_LINES = 20_000

export interface Kubelet {
  /** Null where none runs on the host. */
  pid: number | null
  flags: ReadonlyMap<string, string>
  /** Path of its configuration. */
  config: string | null
  node: string | null
  addresses: string[]
  /** Hold `pods/<uid>/`. */
  roots: string[]
  /** Where the declarations of static pods lie. */
  manifests: string
}

/** One in a container is no node's; k3s and its like are the kubelet themselves. */
export function readKubelet(processes: readonly ProcessEvidence[], files: CachedFiles): Kubelet {
  const found = processes.find(({ args, container }) => container === null && programOf(args) !== null)
  const flags = parseFlags(found?.args ?? [])
  const root = flags.get('root-dir')
  const config = flags.get('config') ?? null
  const own = config !== null && programOf(found?.args ?? []) === 'kubelet'
  const text = own ? files.read(config).text : null
  const manifests = flags.get('pod-manifest-path') ?? (text === null ? null : yamlScalar(text, 'staticPodPath'))
  return {
    pid: found?.pid ?? null,
    flags,
    config,
    node: flags.get('hostname-override') ?? flags.get('node-name') ?? null,
    addresses: (flags.get('node-ip') ?? '').split(',', 8).filter((address) => address !== ''),
    roots: root === undefined || ROOTS.includes(root) ? ROOTS : [root, ...ROOTS],
    manifests: manifests ?? MANIFESTS,
  }
}

/** The kubelet or a program that is one among other things; null for any other program. */
export function programOf([program, command]: readonly string[]): string | null {
  const name = program?.slice(program.lastIndexOf('/') + 1) ?? ''
  if (name === 'kubelet' || name === 'kubelite') return name
  const within = command === 'kubelet' || command === 'agent' || command === 'server'
  return within && (name === 'k3s' || name === 'rke2' || name === 'hyperkube') ? name : null
}

/** A plain value at the top of a YAML document; no YAML is read beyond that. */
export function yamlScalar(document: string, name: string): string | null {
  for (const line of document.slice(0, LONGEST).split('\n', MOST_LINES)) {
    if (line.startsWith(`${name}:`)) return scalar(line.slice(name.length + 1))
  }
  return null
}

/** The pod's name in a manifest: JSON, or YAML whose metadata are in one line or below their own. */
export function manifestName(document: string): string | null {
  if (/^\s*\{/.test(document)) return jsonText(parseObject(document, 'manifest').value, 'metadata', 'name')
  let within = false
  for (const line of document.slice(0, LONGEST).split('\n', MOST_LINES)) {
    const flow = /^metadata:\s*\{(.*)$/.exec(line)?.[1]
    if (flow !== undefined) return scalar(/(?:^|,)\s*"?name"?:([^,}]*)/.exec(flow)?.[1] ?? '')
    if (/^[^\s#-]/.test(line)) within = line.startsWith('metadata:')
    else if (within && /^ {1,8}name:/.test(line)) return scalar(line.slice(line.indexOf(':') + 1))
  }
  return null
}

function scalar(text: string): string | null {
  const value = text.trim().replace(/^(["'])(.*)\1$/, '$2')
  return value === '' || value.length > 4096 ? null : value
}
