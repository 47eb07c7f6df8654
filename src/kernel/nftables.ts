/** nf_tables: tables, chains and rules of every network namespace (net/netfilter/nf_tables_api.c). */

import type { Batch } from './batch.js'
import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { netGenericId } from './net-generic.js'
import { EXPRESSION, type Expression, readExpressions } from './nft-expressions.js'
import { addressOf, bytes, list, type Nested, obeys, optional, records, symbolAt, text } from './query.js'

/** NFT_CHAIN_BASE (include/uapi/linux/netfilter/nf_tables.h). */
const BASE = 1
/** NFTNL_UDATA_RULE_COMMENT, the type of the first thing that nft notes beside a rule. */
const COMMENT = 0
/** NFPROTO_* as nft calls families (include/uapi/linux/netfilter.h). */
const FAMILIES: Readonly<Record<number, string>> = { 1: 'inet', 2: 'ip', 3: 'arp', 5: 'netdev', 7: 'bridge', 10: 'ip6' }
/** NF_INET_*, NF_ARP_* and NF_NETDEV_*, by the family (include/uapi/linux/netfilter.h, netfilter_arp.h). */
const INET_HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress']
const HOOKS: Readonly<Record<string, readonly string[]>> = {
  arp: ['input', 'output', 'forward'],
  netdev: ['ingress', 'egress'],
}
const NF_ACCEPT = 1

/** A chain, with what a base chain has beside it. */
export interface NftChain {
  address: bigint
  name: string | null
  handle: bigint | null
  base: {
    /** `filter`, `nat` or `route`. */
    type: string | null
    hook: string | null
    priority: number | null
    policy: string | null
    /** Whose packets it sees, where it is at a device. */
    devices: string[]
  } | null
  rules: NftRule[]
}

/** A rule. */
export interface NftRule {
  address: bigint
  handle: bigint | null
  expressions: Expression[]
  comment: string | null
}

/** A table. */
export interface NftTable {
  address: bigint
  /** Inode number of its namespace. */
  net_ns: number | null
  /** As nft calls it. */
  family: string
  name: string | null
  chains: NftChain[]
}

const EXPRESSIONS = {
  walk: records('data', 'dlen', EXPRESSION, 'ops->size'),
  select: { name: text('ops->type->name', 32), dump: symbolAt('ops->dump'), data: addressOf('data') },
} satisfies Nested
const RULES = {
  walk: list('rules', 'nf_tables:struct nft_rule', 'list'),
  select: {
    handle: 'handle',
    genmask: 'genmask',
    length: 'dlen',
    data: addressOf('data'),
    noted: 'udata',
  },
  children: { expressions: EXPRESSIONS },
} satisfies Nested
const CHAINS = {
  walk: list('chains', 'nf_tables:struct nft_chain', 'list'),
  rules: [{ path: 'table', is: 'origin' }],
  select: {
    name: text('name', 256),
    handle: 'handle',
    flags: 'flags',
    genmask: 'genmask',
    base: 'container_of(, nf_tables:struct nft_base_chain, chain)',
  },
  children: { rules: RULES },
} satisfies Nested

/** Where a namespace's tables are: with its other members, from 5.12 on behind a number that nf_tables got for itself. */
function tablesOf(id: number | null) {
  const own = id === null ? [] : [`((nf_tables:struct nftables_pernet *)gen->ptr[${id}])->tables`]
  return {
    walk: list(['nft.tables', ...own], 'nf_tables:struct nft_table', 'list'),
    select: { family: 'family', name: text('name', 256), genmask: 'genmask' },
    children: { chains: CHAINS },
  } satisfies Nested
}

type Tables = Batch<ReturnType<typeof tablesOf>['select'], ReturnType<typeof tablesOf>['children']>
type Chains = Batch<(typeof CHAINS)['select'], (typeof CHAINS)['children']>
type Rules = Batch<(typeof RULES)['select'], (typeof RULES)['children']>

/**
 * Whether no namespace has a table: what nf_tables has of one begins with the head of their list, which shows that without
 * the module's types.
 */
function areEmpty(kernel: Kernel, id: number): boolean {
  const head = `gen->ptr[${id}]`
  const empty = obeys([{ path: `((struct list_head *)${head})->next`, is: { equals: head } }])
  const nets = [...kernel.unheard().list('net_namespace_list', 'struct net', 'list').select({ empty })]
  return nets.length > 0 && nets.every((net) => net.empty === 1)
}

/** The tables of all namespaces, or what the kernel's types lack for them. */
export function readNftTables(kernel: Kernel): { tables: NftTable[]; lacks: string | null } {
  // From 5.12 on.
  const id = netGenericId(kernel, 'nf_tables_net_id')
  const { value: nets, lacks } = unlessLacking(() =>
    kernel
      .list('net_namespace_list', 'struct net', 'list')
      .select({ inode: 'ns.inum', cursor: optional('nft.gencursor') }, { tables: tablesOf(id) }),
  )
  const isEmpty = areEmpty(kernel, id ?? 0)
  if (nets === null && id !== null && isEmpty) return { tables: [], lacks: null }
  const tables = nets?.child('tables')
  const chains = tables?.child('chains')
  const rules = chains?.child('rules')
  const baseOf = readBases(kernel, chains, (row) => familyOf(tables, chains?.parents[row] ?? 0))
  const ruleOf = rulesRead(kernel, rules)
  const [chainRows, ruleRows] = [chains?.byParent(), rules?.byParent()]
  // A bit says in which of two generations something is not; one of them is in force.
  const inForce = (batch: Batch<{ genmask: string }> | undefined, net: number) => (row: number) =>
    (((batch?.column('genmask').number(row) ?? 0) >> (nets?.column('cursor').number(net) ?? 0)) & 1) === 0
  const chainOf = (row: number, net: number): NftChain => ({
    address: chains?.address(row) ?? 0n,
    name: chains?.column('name').text(row) ?? null,
    handle: chains?.column('handle').bigint(row) ?? null,
    base: baseOf(row),
    rules: (ruleRows?.get(row) ?? []).filter(inForce(rules as never, net)).map(ruleOf),
  })
  const tableOf = (row: number): NftTable => {
    const net = tables?.parents[row] ?? 0
    const own = inForce(tables as never, net)(row) ? (chainRows?.get(row) ?? []) : []
    return {
      address: tables?.address(row) ?? 0n,
      net_ns: nets?.column('inode').number(net) ?? null,
      family: familyOf(tables, row),
      name: tables?.column('name').text(row) ?? null,
      chains: own.filter(inForce(chains as never, net)).map((chain) => chainOf(chain, net)),
    }
  }
  return { tables: rowsOf(tables).map(tableOf), lacks }
}

/** The numbers of all rows. */
function rowsOf(batch: { readonly length: number } | undefined): number[] {
  return Array.from({ length: batch?.length ?? 0 }, (_, row) => row)
}

function familyOf(tables: Tables | undefined, row: number): string {
  const family = tables?.column('family').number(row) ?? 0
  return FAMILIES[family] ?? String(family)
}

function rulesRead(kernel: Kernel, rules: Rules | undefined): (row: number) => NftRule {
  const found = rules?.child('expressions')
  const expressions = readExpressions(
    kernel,
    rowsOf(found).map((row) => ({
      address: found?.address(row) ?? 0n,
      data: found?.column('data').bigint(row) ?? 0n,
      name: found?.column('name').text(row) ?? null,
      dump: found?.column('dump').text(row) ?? null,
    })),
  )
  const byRule = found?.byParent()
  const comments = readComments(kernel, rules)
  return (row) => ({
    address: rules?.address(row) ?? 0n,
    handle: rules?.column('handle').bigint(row) ?? null,
    expressions: (byRule?.get(row) ?? []).flatMap((at) => expressions[at] ?? []),
    comment: comments.get(row) ?? null,
  })
}

/** What nft notes behind a rule's expressions, of which its comment comes first. */
function readComments(kernel: Kernel, rules: Rules | undefined): Map<number, string> {
  const noted = rowsOf(rules).filter((row) => rules?.column('noted').number(row) === 1)
  const places = noted.map((row) => {
    const [data, length] = [rules?.column('data').bigint(row), rules?.column('length').bigint(row)]
    return (data ?? 0n) + (length ?? 0n)
  })
  const { value: notes } = unlessLacking(() =>
    kernel
      .at(places, 'nf_tables:struct nft_userdata')
      .select({ bytes: bytes('data', { length: 'len + 1', max: 256 }) })
      .column('bytes'),
  )
  return new Map(
    noted.flatMap((row, at): [number, string][] => {
      const comment = commentOf(notes?.bytes(at) ?? null)
      return comment === null ? [] : [[row, comment]]
    }),
  )
}

/** Of type, length, value. */
function commentOf(note: Uint8Array | null): string | null {
  const [type, length = 0] = note ?? []
  if (note === null || type !== COMMENT || length + 2 > note.length) return null
  const text = new TextDecoder().decode(note.subarray(2, 2 + length))
  return text.replace(/\0.*$/s, '')
}

function readBases(
  kernel: Kernel,
  chains: Chains | undefined,
  familyOfChain: (row: number) => string,
): (row: number) => NftChain['base'] {
  const based = rowsOf(chains).filter((row) => ((chains?.column('flags').number(row) ?? 0) & BASE) !== 0)
  const places = based.map((row) => chains?.column('base').bigint(row) ?? 0n)
  const { value: bases } = unlessLacking(() =>
    kernel.at(places, 'nf_tables:struct nft_base_chain').select({
      type: text('type->name', 16),
      number: 'ops.hooknum',
      priority: 'ops.priority',
      policy: 'policy',
    }),
  )
  const devices = readDevices(kernel, places)
  const order = new Map(based.map((row, at) => [row, at]))
  return (row) => {
    const at = order.get(row)
    if (at === undefined || bases === null) return null
    const [number, policy] = [bases.column('number').number(at), bases.column('policy').number(at)]
    return {
      type: bases.column('type').text(at),
      hook: number === null ? null : ((HOOKS[familyOfChain(row)] ?? INET_HOOKS)[number] ?? String(number)),
      priority: bases.column('priority').number(at),
      policy: policy === null ? null : policy === NF_ACCEPT ? 'accept' : 'drop',
      devices: devices[at] ?? [],
    }
  }
}

/** Devices whose packets base chains see; a chain that is at none has an empty list, or none before 5.5. */
function readDevices(kernel: Kernel, places: readonly bigint[]): string[][] {
  const hooks = {
    walk: list('hook_list', 'nf_tables:struct nft_hook', 'list'),
    select: { name: text(['ifname', 'ops.dev->name']) },
  } satisfies Nested
  const { value } = unlessLacking(() =>
    kernel.at(places, 'nf_tables:struct nft_base_chain').select({}, { hooks }).child('hooks'),
  )
  const byChain = value?.byParent()
  return places.map((_, at) => (byChain?.get(at) ?? []).map((row) => value?.column('name').text(row) ?? '?'))
}
