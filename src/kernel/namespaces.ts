/** Namespaces as tasks hold them. */

import type { Kernel } from './kernel.js'
import { obeys, optional, text } from './query.js'
import type { Rule } from './rule.js'

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

/** SLUB keeps its list in the middle of what is free (mm/slub.c), and that is this member. */
const AT_FREE_LIST: Held = 'pid_ns_for_children'

/** What a namespace of a kind obeys, from the `struct nsproxy` that holds it. */
function ofKind(kind: Held): readonly Rule[] {
  const [member, operations] = HELD[kind]
  return [
    // A kernel that is built without a kind has NULL there; every one has mounts.
    { path: member, is: kind === 'mnt_ns' ? 'pointer' : 'pointer_or_null' },
    { path: `${member}->ns.ops`, is: { symbol: operations } },
  ]
}

const inode = (kind: Held): string => `${HELD[kind][0]}->ns.inum`

const MEMBERS = {
  mnt_ns: inode('mnt_ns'),
  net_ns: inode('net_ns'),
  uts_ns: inode('uts_ns'),
  ipc_ns: inode('ipc_ns'),
  cgroup_ns: inode('cgroup_ns'),
  time_ns: optional(inode('time_ns')),
  pid_ns_for_children: inode('pid_ns_for_children'),
  time_ns_for_children: optional(inode('time_ns_for_children')),
  hostname: text('uts_ns->name.nodename'),
  sound: obeys(KINDS.filter((kind) => kind !== AT_FREE_LIST).flatMap(ofKind)),
  in_use: obeys(ofKind(AT_FREE_LIST)),
}

const UNKNOWN: NamespaceProxy = {
  mnt_ns: null,
  net_ns: null,
  uts_ns: null,
  ipc_ns: null,
  cgroup_ns: null,
  time_ns: null,
  pid_ns_for_children: null,
  time_ns_for_children: null,
  hostname: null,
}

/**
 * The namespaces that each of some `struct nsproxy`s leads to. A task that enters a namespace gets another one, and what
 * it had may be used again before memory was taken: unless all that it holds are namespaces of their kind, none of it is
 * believed. One that was only freed still holds them, but for the word in which the allocator keeps its list.
 */
export function readNamespaceProxies(kernel: Kernel, addresses: ReadonlySet<bigint>): Map<bigint, NamespaceProxy> {
  // A pointer that leads nowhere is told here, for all of them together.
  const batch = kernel.leftovers().at(addresses, NSPROXY).select(MEMBERS)
  const found = new Map<bigint, NamespaceProxy>()
  for (let row = 0; row < batch.length; row++) {
    const address = batch.address(row)
    const number = (column: keyof typeof MEMBERS) => batch.column(column).number(row)
    const [sound, inUse] = [number('sound') === 1, number('in_use') === 1]
    const lost = sound ? (inUse ? [] : [AT_FREE_LIST]) : KINDS
    for (const column of lost) {
      const message = 'a task was entering another namespace, or its own was used again: left out'
      kernel.warn({ code: 'torn', column, message, address: `0x${address.toString(16)}` })
    }
    const proxy: NamespaceProxy = {
      mnt_ns: number('mnt_ns'),
      net_ns: number('net_ns'),
      uts_ns: number('uts_ns'),
      ipc_ns: number('ipc_ns'),
      cgroup_ns: number('cgroup_ns'),
      time_ns: number('time_ns'),
      pid_ns_for_children: inUse ? number('pid_ns_for_children') : null,
      time_ns_for_children: number('time_ns_for_children'),
      hostname: batch.column('hostname').text(row),
    }
    found.set(address, sound ? proxy : UNKNOWN)
  }
  return found
}
