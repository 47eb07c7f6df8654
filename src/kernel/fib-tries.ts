/** IPv4 routes: the compressed tries of each table (net/ipv4/fib_trie.c). */

import type { Kernel } from './kernel.js'
import { ipv4Text } from './net-addresses.js'
import { AF_INET, hopColumns, hopOf, MOST_HOPS, readNexthops } from './nexthops.js'
import { NET } from './objects.js'
import { array, hash, hlist, index, type Nested, optional } from './query.js'
import { destinationText, type Hop, type RawRoute } from './routes.js'

const NODE = 'struct key_vector'
const INFO = 'struct fib_info'
/** Bits of an address (KEYLENGTH): what a trie's root branches below. */
const KEY_BITS = 32
/** Nodes of all tries; a full routing table of the internet has a third of them. */
const MOST_NODES = 1 << 22

/** FIB_TABLE_HASHSZ (include/net/ip_fib.h): 256 where tables are chosen by rules, which have operations then. */
const TABLES = {
  walk: hash('ipv4.fib_table_hash', 'struct fib_table', 'tb_hlist', {
    count: ['ipv4.rules_ops & 0 + 256', 'ipv4.fib_table_hash & 0 + 2'],
  }),
  select: { trie: 'tb_data' },
} satisfies Nested

const ALIASES = {
  walk: hlist('leaf', 'struct fib_alias', 'fa_list'),
  select: { suffix: 'fa_slen', type: 'fa_type', table: 'tb_id', info: 'fa_info' },
} satisfies Nested

/** A node that is still to be looked at, with the place in its parent by which it was found. */
interface Place {
  address: bigint
  /** The namespace of its trie, as a row. */
  net: number
  /** Of the parent: key, lowest bit that it branches by, and which of its branches this is; null for a root. */
  above: { key: number; pos: number; slot: number } | null
}

type Leaf = Pick<Place, 'address' | 'net'> & { key: number }

/** All IPv4 routes, by namespace and table. */
export function readFibRoutes(kernel: Kernel): RawRoute[] {
  const nets = kernel.list('net_namespace_list', NET, 'list').select({ inode: 'ns.inum' }, { tables: TABLES })
  const tables = nets.child('tables')
  // The local table lies in the trie of the main one until there are rules.
  const roots = new Map<bigint, Place>()
  for (const [row, net] of tables.parents.entries()) {
    const address = tables.column('trie').bigint(row)
    if (address !== null && address !== 0n) roots.set(address, { address, net, above: null })
  }
  const leaves = readLeaves(kernel, [...roots.values()])
  const batch = kernel
    .at(
      leaves.map(({ address }) => address),
      NODE,
    )
    .select({}, { aliases: ALIASES })
  const aliases = batch.child('aliases')
  const infos = readInfos(kernel, new Set([...aliases].map(({ info }) => BigInt(info ?? 0))))
  const routes: RawRoute[] = []
  for (const [row, at] of aliases.parents.entries()) {
    const { key = 0, net = 0 } = leaves[at] ?? {}
    const info = infos.get(aliases.column('info').bigint(row) ?? 0n)
    const suffix = aliases.column('suffix').number(row) ?? 0
    if (info !== undefined && info.net !== nets.address(net)) {
      kernel.warn({ code: 'torn', message: 'a route is of another namespace than its table: left out', count: 1 })
      continue
    }
    routes.push({
      address: aliases.address(row),
      net_ns: nets.column('inode').number(net),
      family: 'inet',
      destination: destinationText(hostOrderText(key), KEY_BITS - suffix, KEY_BITS),
      table: aliases.column('table').number(row),
      type: aliases.column('type').number(row),
      protocol: info?.protocol ?? null,
      scope: info?.scope ?? null,
      source: info?.source ?? null,
      metric: info?.metric ?? null,
      hops: info?.hops ?? [],
    })
  }
  return routes
}

/** Tries keep an address as a number, and not as the bytes of a packet. */
const hostOrderText = (key: number): string => [24, 16, 8, 0].map((shift) => (key >>> shift) & 255).join('.')

/** The leaves of tries, one level after the other; what does not hang where its key belongs is none of theirs. */
function readLeaves(kernel: Kernel, roots: readonly Place[]): Leaf[] {
  const seen = new Set<bigint>()
  const leaves: Leaf[] = []
  let strays = 0
  for (let level: readonly Place[] = roots, depth = 0; depth === 0 || level.length > 0; depth++) {
    const places = level.filter(({ address }) => !seen.has(address))
    for (const { address } of places) seen.add(address)
    const nodes = kernel
      .at(
        places.map(({ address }) => address),
        NODE,
      )
      .select({ key: 'key', pos: 'pos', bits: 'bits' })
    const branches: Branch[] = []
    for (const [row, place] of places.entries()) {
      const [key, pos, bits] = (['key', 'pos', 'bits'] as const).map((name) => nodes.column(name).number(row))
      if (key == null || pos == null || bits == null) continue
      if (!belongs(place, key, pos, bits)) strays++
      else if (bits > 0 || place.above === null) branches.push({ ...place, key, pos, bits })
      else leaves.push({ address: place.address, net: place.net, key })
    }
    level = readBranches(kernel, branches)
    if (seen.size + level.length > MOST_NODES) {
      kernel.warn({ code: 'cap', message: `more than ${MOST_NODES} nodes of routes: the rest is left out`, count: 1 })
      break
    }
  }
  if (strays > 0)
    kernel.warn({ code: 'torn', message: 'a table of routes leads to what is none of its nodes', count: strays })
  return leaves
}

/** A root has the place above all bits; other nodes have the branch that the bits of their key say, and branch below it. */
function belongs({ above }: Place, key: number, pos: number, bits: number): boolean {
  if (above === null) return pos === KEY_BITS && bits === 0
  const branch = above.pos === KEY_BITS ? 0 : (key ^ above.key) >>> above.pos
  return branch === above.slot && pos + bits <= above.pos
}

type Branch = Place & { key: number; pos: number; bits: number }

/** What is below nodes that branch: by `bits` bits of the key. */
function readBranches(kernel: Kernel, branches: readonly Branch[]): Place[] {
  const below: Place[] = []
  for (const bits of new Set([0, ...branches.map((branch) => branch.bits)])) {
    const own = branches.filter((branch) => branch.bits === bits)
    const nested = {
      walk: array('tnode', { count: 2 ** bits, pointers: true, type: NODE }),
      select: { slot: index() },
    } satisfies Nested
    const batch = kernel
      .at(
        own.map(({ address }) => address),
        NODE,
      )
      .select({}, { nodes: nested })
    const nodes = batch.child('nodes')
    for (const [row, parent] of nodes.parents.entries()) {
      const { net, key, pos } = own[parent] ?? { net: 0, key: 0, pos: 0 }
      below.push({ address: nodes.address(row), net, above: { key, pos, slot: nodes.column('slot').number(row) ?? 0 } })
    }
  }
  return below
}

interface Info extends Pick<RawRoute, 'protocol' | 'scope' | 'source' | 'metric'> {
  net: bigint | null
  hops: readonly Hop[]
}

/** What routes have in common that lead the same way, by the address of the `struct fib_info`. */
function readInfos(kernel: Kernel, addresses: ReadonlySet<bigint>): Map<bigint, Info> {
  const hops = {
    walk: array('fib_nh', { count: 'fib_nhs', most: MOST_HOPS }),
    select: hopColumns('nh_common.', ['']),
  } satisfies Nested
  const infos = kernel.at(addresses, INFO).select(
    {
      net: 'fib_net',
      protocol: 'fib_protocol',
      scope: 'fib_scope',
      source: 'fib_prefsrc',
      metric: 'fib_priority',
      nexthop: optional('nh'),
    },
    { hops },
  )
  const own = infos.child('hops')
  const byInfo = own.byParent()
  const shared = infos.addresses.filter((_, row) => (infos.column('nexthop').bigint(row) ?? 0n) !== 0n)
  const nexthops = readNexthops(kernel, INFO, [...shared])
  return new Map(
    Array.from({ length: infos.length }, (_, row) => {
      const source = infos.column('source').number(row)
      const columns = (name: keyof typeof hops.select) => own.column(name)
      const ownHops = (byInfo.get(row) ?? []).map((hop) =>
        hopOf(columns, hop, own.column('ipv4').number(hop) === 0 ? null : AF_INET),
      )
      return [
        infos.address(row),
        {
          net: infos.column('net').bigint(row),
          protocol: infos.column('protocol').number(row),
          scope: infos.column('scope').number(row),
          source: source === null || source === 0 ? null : ipv4Text(source),
          metric: infos.column('metric').number(row),
          hops: nexthops.get(infos.address(row)) ?? ownHops,
        },
      ]
    }),
  )
}
