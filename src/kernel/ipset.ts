/** Sets of ipset and what is in them (net/netfilter/ipset), as `ipset list` shows them. */

import type { Batch } from './batch.js'
import { readSetEntries, type SetEntry } from './ipset-entries.js'
import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { netGenericId } from './net-generic.js'
import { array, index, type Nested, text } from './query.js'

/** A set. */
export interface AddressSet {
  /** Of the `struct ip_set`. */
  address: bigint
  /** Inode number of its network namespace, and by which number rules there name it. */
  net_ns: number | null
  index: number
  name: string | null
  /** `hash:ip,port`, `bitmap:port`, `list:set` and so on. */
  type: string | null
  /** NFPROTO_IPV4 or NFPROTO_IPV6 (include/uapi/linux/netfilter.h); another number for what is of neither. */
  family: number | null
  /** By how many rules and lists it is used. */
  references: number | null
  /** Bits for what is kept with each entry, where in it that is, and how long it is with all of that. */
  extensions: number
  offsets: readonly number[]
  size: number
  entries: readonly SetEntry[]
}

/** ip_set_id_t is 16 bits wide. */
const MOST_SETS = 65_536
/** In the order of IPSET_EXT_ID_COUNTER, _TIMEOUT, _SKBINFO and _COMMENT (include/linux/netfilter/ipset/ip_set.h). */
const EXTENSIONS = ['counters', 'timeout', 'skbinfo', 'comment'] as const

const MEMBERS = {
  index: index(),
  name: text('name', 32),
  type: text('type->name', 32),
  family: 'family',
  references: 'ref',
  extensions: 'extensions',
  size: 'dsize',
  counters: 'offset[0]',
  timeout: 'offset[1]',
  skbinfo: 'offset[2]',
  comment: 'offset[3]',
} as const

function setsOf(id: number) {
  const own = `((ip_set:struct ip_set_net *)gen->ptr[${id}])`
  return {
    walk: array(`${own}->ip_set_list`, {
      count: `${own}->ip_set_max`,
      pointers: true,
      type: 'ip_set:struct ip_set',
      most: MOST_SETS,
    }),
    rules: [{ path: 'name', is: 'text' }],
    select: MEMBERS,
  } as const satisfies Nested
}

/** Every set of every namespace with its entries, in the kernel's order. */
export function readAddressSets(kernel: Kernel): AddressSet[] {
  const sets = kernel.once(readSets)
  return sets.map((set) => ({ ...set, entries: readSetEntries(kernel, set, sets) }))
}

/** What sets are called, by the number of their namespace and their own; they are read when it is first asked. */
export function addressSetNames(kernel: Kernel): (net_ns: number | null, index: number) => string | null {
  return (net_ns, index) => {
    const sets = kernel.once(readSets)
    return sets.find((set) => set.net_ns === net_ns && set.index === index)?.name ?? null
  }
}

function readSets(kernel: Kernel): readonly Omit<AddressSet, 'entries'>[] {
  // Where the module is not loaded nobody has sets.
  const id = netGenericId(kernel, 'ip_set_net_id')
  const { value: nets, lacks } = unlessLacking(() =>
    kernel.list('net_namespace_list', 'struct net', 'list').select({ inode: 'ns.inum' }, { sets: setsOf(id ?? 0) }),
  )
  if (id === null) return []
  if (nets === null || lacks !== null) {
    kernel.warn({ code: 'unreadable', message: `no sets of ipset are known: ${lacks}`, count: 1 })
    return []
  }
  const sets = nets.child('sets')
  return Array.from({ length: sets.length }, (_, row) =>
    setOf(sets, row, nets.column('inode').number(sets.parents[row] ?? 0)),
  )
}

function setOf(sets: Batch<typeof MEMBERS>, row: number, net_ns: number | null): Omit<AddressSet, 'entries'> {
  const number = (name: Exclude<keyof typeof MEMBERS, 'name' | 'type'>) => sets.column(name).number(row)
  return {
    address: sets.address(row),
    net_ns,
    index: number('index') ?? 0,
    name: sets.column('name').text(row),
    type: sets.column('type').text(row),
    family: number('family'),
    references: number('references'),
    extensions: number('extensions') ?? 0,
    offsets: EXTENSIONS.map((name) => number(name) ?? 0),
    size: number('size') ?? 0,
  }
}
