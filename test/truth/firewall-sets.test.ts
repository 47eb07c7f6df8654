/** Sets of nf_tables. The guests have none: copies of their memory are given a verdict map as kube-proxy has it. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { readNftTables } from '../../dist/src/kernel/nftables.js'
import { addressOf, type Paths } from '../../dist/src/kernel/query.js'
import { sharedImages, table } from './images.js'
import { type Patch, patchedCopy } from './patched.js'
import { forge, forgery, type Members } from './planted-modules.js'

const [TABLE, SET, TREE, ELEMENT] = [
  'nf_tables:struct nft_table',
  'nf_tables:struct nft_set',
  'nf_tables:struct nft_rbtree',
  'nf_tables:struct nft_rbtree_elem',
]
/** TYPE_IPADDR, TYPE_INET_PROTOCOL and TYPE_INET_SERVICE, six bits each (nftables/include/datatype.h). */
const KEYS = (7 << 12) | (12 << 6) | 13
const VERDICT = 0xffff_ff00
/** NFT_SET_MAP (include/uapi/linux/netfilter/nf_tables.h). */
const MAP = 8
const GOTO = -4
/** Where an element has its parts, from its extensions on. */
const [KEY, DATA] = [16, 32]

/** The nat table of the host, and the first chain of it. */
function nat(kernel: Kernel): { table: bigint; chain: bigint; name: string | null } {
  const { tables } = readNftTables(kernel)
  const found = tables.find(({ name, family }) => name === 'nat' && family === 'ip')
  return { table: found?.address ?? 0n, chain: found?.chains[0]?.address ?? 0n, name: found?.chains[0]?.name ?? null }
}

function services(kernel: Kernel): Patch[] {
  const scratch = forgery(kernel, 0x1000)
  const place = (at: number) => scratch.base + BigInt(at)
  const [set, name, operations, element] = [place(0), place(0x400), place(0x500), place(0x600)] as const
  const { table, chain } = nat(kernel)
  const at = (object: bigint, type: string, path: Paths) =>
    kernel
      .at([object], type)
      .select({ at: addressOf(path) })
      .column('at')
      .bigint(0) ?? 0n
  const make = (object: bigint, type: string, members: Members) => forge(kernel, scratch, object, type, members)
  const head = at(table, TABLE, 'sets')
  const link = at(set, SET, 'list')
  scratch.write(name, Buffer.from('service-ips\0'))
  make(operations, 'nf_tables:struct nft_set_ops', [['walk', 8, kernel.symbolAddress('nft_rbtree_walk') ?? 0n]])
  make(set, SET, [
    ...([
      ['list.next', 8, head],
      ['list.prev', 8, head],
      ['table', 8, table],
      ['name', 8, name],
    ] as const),
    ...([
      ['ops', 8, operations],
      ['handle', 8, 12],
      ['ktype', 4, KEYS],
      ['dtype', 4, VERDICT],
    ] as const),
    ...([
      ['flags', 1, MAP],
      ['klen', 1, 12],
      ['dlen', 1, 16],
    ] as const),
  ])
  make(at(set, SET, 'data'), TREE, [['root.rb_node', 8, at(element, ELEMENT, 'node')]])
  make(element, ELEMENT, [
    ['ext.offset[NFT_SET_EXT_KEY]', 1, KEY],
    ['ext.offset[NFT_SET_EXT_DATA]', 1, DATA],
  ])
  const parts = at(element, ELEMENT, 'ext')
  scratch.write(parts + BigInt(KEY), Uint8Array.of(10, 96, 0, 1, 6, 0, 0, 0, 1, 187, 0, 0))
  scratch.put(parts + BigInt(DATA), 4, GOTO)
  scratch.put(parts + BigInt(DATA) + 8n, 8, chain)
  return [[head, head, link], [head + 8n, head, link], ...scratch.patches()]
}

describe.each(sharedImages())('$title', (image) => {
  image.require()
  const copy = patchedCopy(image, services)

  it('has no sets where the guest has none', () => {
    const { rows, warnings } = table('firewall-sets', image.as('elf'))
    expect(rows).toEqual([])
    expect(warnings).toEqual([])
  })

  it('has a map that a table got, with its element', () => {
    const { rows, warnings } = table('firewall-sets', copy.path)
    expect(rows).toMatchObject([
      {
        ...{ family: 'ip', table: 'nat', set: 'service-ips', handle: 12, kind: 'vmap', anonymous: false, element: 1 },
        ...{ type: 'ipv4_addr . inet_proto . inet_service', gives: 'verdict', key: '10.96.0.1 . tcp . 443' },
        value: expect.stringMatching(/^goto \S+$/),
        target: expect.stringMatching(/^[A-Z-]+$/),
      },
    ])
    expect(rows[0]?.value).toBe(`goto ${rows[0]?.target}`)
    expect(warnings).toEqual([])
  })
})
