/** Namespaces as tasks hold them. */

import type { Kernel } from './kernel.js'
import type { Rule } from './objects.js'
import { obeys, optional, type Paths, type Select, text } from './query.js'

const NSPROXY = 'struct nsproxy'

/** Namespaces a task is in, by inode number. */
export interface NamespaceSet {
  pid_ns: number | null
  mnt_ns: number | null
  net_ns: number | null
  uts_ns: number | null
  ipc_ns: number | null
  user_ns: number | null
  cgroup_ns: number | null
  time_ns: number | null
}

/** What a `struct nsproxy` leads to. */
export interface NamespaceProxy {
  mnt_ns: number | null
  net_ns: number | null
  uts_ns: number | null
  ipc_ns: number | null
  cgroup_ns: number | null
  time_ns: number | null
  /** What its tasks' children will be in. */
  pid_ns_for_children: number | null
  time_ns_for_children: number | null
  hostname: string | null
}

/** Members of a `struct nsproxy`, with the operations that every namespace of the kind has (fs/proc/namespaces.c). */
const HELD = {
  mnt_ns: ['mnt_ns', 'mntns_operations'],
  net_ns: ['net_ns', 'netns_operations'],
  uts_ns: ['uts_ns', 'utsns_operations'],
  ipc_ns: ['ipc_ns', 'ipcns_operations'],
  cgroup_ns: ['cgroup_ns', 'cgroupns_operations'],
  time_ns: ['time_ns', 'timens_operations'],
  pid_ns_for_children: ['pid_ns_for_children', 'pidns_operations'],
  time_ns_for_children: ['time_ns_for_children', 'timens_operations'],
} as const

type Held = keyof typeof HELD

const KINDS = Object.keys(HELD) as Held[]

const COUNT: Paths = ['count.refs.counter', 'count.counter']

/** It is in use, and each namespace it holds is one of its kind. */
const SOUND: readonly Rule[] = [
  { path: COUNT, is: { at_least: 1 } },
  ...Object.values(HELD).flatMap(([member, operations]): Rule[] => [
    { path: member, is: 'pointer' },
    { path: `${member}->ns.ops`, is: { symbol: operations } },
  ]),
]

const UNKNOWN: NamespaceProxy = {
  ...(Object.fromEntries(KINDS.map((kind) => [kind, null])) as Record<Held, null>),
  hostname: null,
}

/** The namespaces that each of some `struct nsproxy`s leads to; all null, with a warning, where one is no such thing. */
export function readNamespaceProxies(kernel: Kernel, addresses: ReadonlySet<bigint>): Map<bigint, NamespaceProxy> {
  const inodes = Object.fromEntries(
    KINDS.map((kind): [Held, Select] => {
      const path = `${HELD[kind][0]}->ns.inum`
      return [kind, HELD[kind][0].startsWith('time') ? optional(path) : path]
    }),
  ) as Record<Held, Select>
  const batch = kernel.at(addresses, NSPROXY).select({ sound: obeys(SOUND) })
  const isSound = (_: bigint, row: number) => batch.column('sound').number(row) === 1
  const sound = batch.addresses.filter(isSound)
  if (sound.length < batch.length) {
    kernel.warn({
      code: 'torn',
      message: 'the namespaces of a task are being changed, or were reused: they are not shown',
      count: batch.length - sound.length,
    })
  }
  const read = kernel.at(sound, NSPROXY).select({ ...inodes, hostname: text('uts_ns->name.nodename') })
  const found = new Map<bigint, NamespaceProxy>([...addresses].map((address) => [address, UNKNOWN]))
  for (let row = 0; row < read.length; row++) {
    const proxy = Object.fromEntries(KINDS.map((kind) => [kind, read.column(kind).number(row)])) as Record<Held, number>
    found.set(read.address(row), { ...proxy, hostname: read.column('hostname').text(row) })
  }
  return found
}
