/** Namespaces as tasks hold them. */

import type { Kernel } from './kernel.js'
import type { Rule } from './objects.js'
import { obeys, optional, type Select, text } from './query.js'

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

/**
 * The namespaces that each of some `struct nsproxy`s leads to. A task that enters a namespace gets another one, and what
 * it had may be used again before memory was taken: unless all that it holds are namespaces of their kind, none of it is
 * believed. One that was only freed still holds them, but for the word in which the allocator keeps its list.
 */
export function readNamespaceProxies(kernel: Kernel, addresses: ReadonlySet<bigint>): Map<bigint, NamespaceProxy> {
  const inodes = Object.fromEntries(
    KINDS.map((kind): [Held, Select] => {
      const path = `${HELD[kind][0]}->ns.inum`
      return [kind, HELD[kind][0].startsWith('time') ? optional(path) : path]
    }),
  ) as Record<Held, Select>
  const sound = Object.fromEntries(KINDS.map((kind) => [sounds(kind), obeys(ofKind(kind))]))
  // A pointer that leads nowhere is told below.
  const batch = kernel
    .leftovers()
    .at(addresses, NSPROXY)
    .select({ ...inodes, ...sound, hostname: text('uts_ns->name.nodename') })
  const found = new Map<bigint, NamespaceProxy>()
  for (let row = 0; row < batch.length; row++) {
    const odd = KINDS.filter((kind) => batch.column(sounds(kind)).number(row) !== 1)
    const lost = odd.every((kind) => kind === AT_FREE_LIST) ? odd : KINDS
    const inode = (kind: Held) => (lost.includes(kind) ? null : batch.column(kind).number(row))
    const proxy = Object.fromEntries(KINDS.map((kind) => [kind, inode(kind)])) as Record<Held, number | null>
    const hostname = lost === KINDS ? null : batch.column('hostname').text(row)
    found.set(batch.address(row), { ...proxy, hostname })
    for (const kind of lost) {
      const message = 'a task was entering another namespace, or its own was used again: left out'
      kernel.warn({ code: 'torn', column: kind, message, address: `0x${batch.address(row).toString(16)}` })
    }
  }
  return found
}

function sounds(kind: Held): string {
  return `${kind}_sound`
}
