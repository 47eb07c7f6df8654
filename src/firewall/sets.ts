/** Sets and maps of nf_tables with their elements, as `nft list sets` and `nft list maps` have them. */

import type { Kernel } from '../kernel/kernel.js'
import { typeName } from './nft-values.js'
import { readNftRuleset } from './rules.js'
import { elementsOf } from './set-words.js'

/** An element of a set; the set alone where it has none. */
export interface FirewallSet {
  /** Of the kernel's own object. */
  address: bigint
  net_ns: number | null
  family: string
  table: string | null
  set: string | null
  handle: bigint | null
  /** `set`, `map`, `vmap` or `objmap`. */
  kind: string
  /** Types of its keys, as `ipv4_addr . inet_service`, and of what it gives. */
  type: string | null
  gives: string | null
  /** Whether it is part of one rule. */
  anonymous: boolean
  /** Which one it is, from 1 on; null for a set without any. */
  element: number | null
  key: string | null
  value: string | null
  /** The chain that a verdict leads to. */
  target: string | null
}

const KINDS = { verdict: 'vmap', value: 'map', object: 'objmap' } as const

/** Every element of every set, in the order of namespaces and tables. */
export function readFirewallSets(kernel: Kernel): FirewallSet[] {
  const { tables, sets, names } = readNftRuleset(kernel)
  const places = new Map(tables.map((table) => [table.address, table]))
  return sets.flatMap((set): FirewallSet[] => {
    const table = places.get(set.table)
    if (table === undefined) return []
    const place = {
      address: set.address,
      ...{ net_ns: table.net_ns, family: table.family, table: table.name, set: set.name, handle: set.handle },
      kind: set.gives === null ? 'set' : KINDS[set.gives],
      type: typeName(set.keyType),
      gives: set.gives === 'verdict' ? 'verdict' : set.gives === 'value' ? typeName(set.dataType) : null,
      anonymous: set.anonymous,
    }
    const elements = elementsOf(set, names.chain)
    if (elements.length === 0) return [{ ...place, element: null, key: null, value: null, target: null }]
    return elements.map(({ key, value, chain }, at) => ({ ...place, element: at + 1, key, value, target: chain }))
  })
}
