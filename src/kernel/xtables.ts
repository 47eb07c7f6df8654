/** x_tables, which iptables-legacy writes: a table is a blob of entries (net/netfilter/x_tables.c). */

import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { netGenericId } from './net-generic.js'
import { readParts } from './parts.js'
import { addressOf, array, bytes, list, type Nested, perCpuCopies, text } from './query.js'

/** NFPROTO_IPV4 and NFPROTO_IPV6 (include/uapi/linux/netfilter.h), by which tables are kept. */
const FAMILIES = [
  ['ip', 2],
  ['ip6', 10],
] as const
/** Bytes of a table's entries that are read; a large cluster's kube-proxy takes a few. */
const LARGEST_TABLE = 64 << 20

/** A table of entries. */
export interface XtTable {
  /** Of the `struct xt_table`. */
  address: bigint
  /** Inode number of its namespace. */
  net_ns: number | null
  family: 'ip' | 'ip6'
  name: string | null
  priority: number | null
  /** A bit for each hook that enters it. */
  hooks: number
  /** Where the entries of each hook begin, and where its policy is. */
  starts: readonly number[]
  policies: readonly number[]
  /** Where the entries lie. */
  entries: bigint
  blob: Uint8Array | null
}

/** A match's or target's name and revision, by the address of its struct. */
export type Extensions = ReadonlyMap<bigint, { name: string | null; revision: number | null }>

const INFO = 'private->'

/** The tables of IPv4 and IPv6 of all namespaces, or what the kernel's types lack for them. */
export function readXtTables(kernel: Kernel): { tables: XtTable[]; lacks: string | null } {
  const id = netGenericId(kernel, 'xt_pernet_id')
  const tables: XtTable[] = []
  let lack: string | null = null
  for (const [family, number] of FAMILIES) {
    // With the namespace's other members, from 5.15 on behind a number that x_tables got for itself.
    const own = id === null ? [] : [`((x_tables:struct xt_pernet *)gen->ptr[${id}])->tables[${number}]`]
    const { value, lacks } = unlessLacking(() => read(kernel, [`xt.tables[${number}]`, ...own], family))
    tables.push(...(value ?? []))
    lack ??= lacks
  }
  return { tables, lacks: lack }
}

function read(kernel: Kernel, head: string[], family: XtTable['family']): XtTable[] {
  const numbers = (of: string) => ({ walk: array(`${INFO}${of}`), select: { value: '' } }) satisfies Nested
  const tables = {
    walk: list(head, 'x_tables:struct xt_table', 'list'),
    select: {
      ...{ name: text('name'), priority: 'priority', hooks: 'valid_hooks', entries: addressOf(`${INFO}entries`) },
      blob: bytes(`${INFO}entries`, { length: `${INFO}size`, max: LARGEST_TABLE }),
    },
    children: { starts: numbers('hook_entry'), policies: numbers('underflow') },
  } satisfies Nested
  const nets = kernel.list('net_namespace_list', 'struct net', 'list').select({ inode: 'ns.inum' }, { tables })
  const found = nets.child('tables')
  const offsets = (name: 'starts' | 'policies') => {
    const values = found.child(name)
    const byTable = values.byParent()
    return (row: number) => (byTable.get(row) ?? []).map((at) => values.column('value').number(at) ?? -1)
  }
  const [starts, policies] = [offsets('starts'), offsets('policies')]
  return Array.from({ length: found.length }, (_, row) => ({
    address: found.address(row),
    net_ns: nets.column('inode').number(found.parents[row] ?? 0),
    family,
    name: found.column('name').text(row),
    priority: found.column('priority').number(row),
    hooks: found.column('hooks').number(row) ?? 0,
    starts: starts(row),
    policies: policies(row),
    entries: found.column('entries').bigint(row) ?? 0n,
    blob: found.column('blob').bytes(row),
  }))
}

/** Where both begin, behind a list_head, and how long it is: XT_EXTENSION_MAXNAMELEN and a byte. */
const NAME = 16n
const NAME_LENGTH = 29

/**
 * Names of matches or targets by their addresses. `struct xt_match` and `struct xt_target` begin alike in all kernels
 * (include/linux/netfilter/x_tables.h), many of which have no types of them.
 */
export function readExtensions(kernel: Kernel, addresses: readonly bigint[]): Extensions {
  const all = [...new Set(addresses)]
  const read = readParts(
    kernel,
    all.map((address) => ({ address: address + NAME, length: NAME_LENGTH + 1 })),
  )
  const decoder = new TextDecoder()
  return new Map(
    all.map((address, at) => {
      const name = read[at]?.subarray(0, NAME_LENGTH)
      const end = name?.indexOf(0) ?? -1
      const text = name === undefined || end === -1 ? null : decoder.decode(name.subarray(0, end))
      return [address, { name: text, revision: read[at]?.[NAME_LENGTH] ?? null }]
    }),
  )
}

/** What an entry matched: packets and bytes. */
export type Counts = readonly [packets: bigint, bytes: bigint]

/**
 * What the counters at some addresses say. With more than one processor the first of their words leads to a copy of each
 * (xt_percpu_counter_alloc()).
 */
export function readXtCounters(kernel: Kernel, places: readonly bigint[]): (Counts | null)[] {
  const known = kernel.address('nr_cpu_ids')
  const processors = kernel
    .at(known === null ? [] : [known], 'unsigned int')
    .select({ value: '' })
    .column('value')
    .number(0)
  const copies = {
    walk: perCpuCopies('((x_tables:struct xt_counters *)pcnt)'),
    select: { packets: 'pcnt', bytes: 'bcnt' },
  } satisfies Nested
  const { value: single } = unlessLacking(() =>
    kernel.at(processors === 1 ? places : [], 'x_tables:struct xt_counters').select({ packets: 'pcnt', bytes: 'bcnt' }),
  )
  const { value: many } = unlessLacking(() =>
    kernel
      .at(processors === 1 ? [] : places, 'x_tables:struct xt_counters')
      .select({}, { copies })
      .child('copies'),
  )
  const byPlace = many?.byParent()
  return places.map((_, at) => {
    const batch = processors === 1 ? single : many
    const rows = processors === 1 ? [at] : (byPlace?.get(at) ?? [])
    if (batch === null || rows.length === 0) return null
    const sum = (column: 'packets' | 'bytes') =>
      rows.reduce((total, row) => total + (batch.column(column).bigint(row) ?? 0n), 0n)
    return [sum('packets'), sum('bytes')]
  })
}
