/** Where nft's own rules lead, from expressions as the kernel keeps them: kube-proxy's and plain ones. */

import { describe, expect, it } from 'vitest'
import { statementsOf } from '../../dist/src/firewall/nft-statements.js'
import { leadingOf } from '../../dist/src/firewall/nft-ways.js'
import { publishedBy } from '../../dist/src/firewall/published.js'
import type { Way } from '../../dist/src/firewall/rules.js'
import type { Expression } from '../../dist/src/kernel/nft-expressions.js'
import type { NftSet } from '../../dist/src/kernel/nft-sets.js'

const REG = 8
const full = (...values: number[]) => Uint8Array.from({ length: 16 }, (_, at) => values[at] ?? 0)
const make = (kind: string, fields: Expression['fields']): Expression => ({ name: kind, kind, fields })
const payload = (base: number, offset: number, len: number, dreg = REG) => make('payload', { base, offset, len, dreg })
const l4proto = (dreg = REG) => make('meta_get', { key: 16, dreg })
const cmp = (...data: number[]) => make('cmp', { op: 0, sreg: REG, len: data.length, data: full(...data) })
const lookup = (set: bigint) => make('lookup', { set, sreg: REG, dreg: 0, invert: 0 })
const value = (dreg: number, ...data: number[]) =>
  make('immediate', { dreg, dlen: data.length, data: full(...data), code: 0, chain: 0 })
const verdict = (code: number, chain: bigint) =>
  make('immediate', { dreg: 0, dlen: 16, data: full(), code: code >>> 0, chain })
const dnat = (min_address: number, min_port: number) =>
  make('nat', { type: 1, family: 2, min_address, max_address: min_address, min_port, max_port: min_port, flags: 3 })

const CHAINS: Readonly<Record<string, string>> = { 1: 'service-A-shop/web/tcp/p80', 2: 'endpoint-B', 3: 'endpoint-C' }
const names = { chain: (chain: bigint) => CHAINS[`${chain}`] ?? null, set: () => '@map' }

/** NFT_GOTO and the chain, as a verdict lies in memory. */
function goto(chain: number): Uint8Array {
  const data = Buffer.alloc(16)
  data.writeInt32LE(-4, 0)
  data.writeUInt32LE(chain, 8)
  return data
}

function map(address: bigint, keyType: number, elements: [key: number[], data: Uint8Array][], dataType = 0): NftSet {
  return {
    ...{ address, table: 0n, name: 'map', handle: 1n, anonymous: false, interval: false, keyType, dataType },
    gives: dataType === 0 ? 'verdict' : 'value',
    keyLength: elements[0]?.[0].length ?? 4,
    elements: elements.map(([key, data]) => ({
      ...{ key: Uint8Array.from(key), keyEnd: null, data, end: false, catchall: false },
    })),
  }
}

const SERVICES = map(10n, (7 << 12) | (12 << 6) | 13, [[[10, 96, 0, 1, 6, 0, 0, 0, 0, 80, 0, 0], goto(1)]])
const ENDPOINTS = map(11n, 4, [
  [[0, 0, 0, 0], goto(2)],
  [[1, 0, 0, 0], goto(3)],
])
const PLACES = map(12n, 4, [[[0, 0, 0, 0], Uint8Array.of(10, 1, 0, 9, 0x1f, 0x90, 0, 0)]], (7 << 6) | 13)
const SETS = new Map([SERVICES, ENDPOINTS, PLACES].map((set) => [set.address, set]))

function ways(chain: string, expressions: Expression[]): Way[] {
  const shape = (set: bigint) => {
    const found = SETS.get(set)
    return found && { keyLength: found.keyLength, gives: found.gives as 'verdict' | 'value' }
  }
  const leading = leadingOf('ip', statementsOf(expressions, shape), null, names, (set) => SETS.get(set))
  return leading.map((way) => ({ net_ns: 1, family: 'ip', table: 'kube-proxy', backend: 'nf_tables', chain, ...way }))
}

const endpoint = (chain: string, last: number) =>
  ways(chain, [l4proto(), cmp(6), value(REG, 10, 1, 0, last), value(REG + 1, 0x1f, 0x90), dnat(REG, REG + 1)])

describe("nft's ways", () => {
  it("are those of kube-proxy's services, through verdict maps to each endpoint", () => {
    const rules = [
      ...ways('services', [payload(1, 16, 4), l4proto(REG + 1), payload(2, 2, 2, REG + 2), lookup(10n)]),
      // A rule that asks for the port again only marks packets.
      ...ways(CHAINS[1] ?? '', [payload(1, 16, 4), cmp(10, 96, 0, 1), payload(2, 2, 2), cmp(0, 80), verdict(-3, 9n)]),
      ...ways(CHAINS[1] ?? '', [make('ng_random', { modulus: 2, offset: 0, dreg: REG }), lookup(11n)]),
      ...endpoint('endpoint-B', 2),
      ...endpoint('endpoint-C', 3),
    ]
    const service = { protocol: 'tcp', address: '10.96.0.1', port: 80, last_port: 80, target_port: 8080 }
    expect(publishedBy(rules)).toMatchObject([
      { ...service, target: '10.1.0.2', comment: 'service-A-shop/web/tcp/p80' },
      { ...service, target: '10.1.0.3', comment: 'service-A-shop/web/tcp/p80' },
    ])
  })

  it('are those of a rule alone, to an address or to what a map gives', () => {
    const plain = [l4proto(), cmp(6), payload(2, 2, 2), cmp(0x1f, 0x40), value(REG, 10, 1, 0, 7), dnat(REG, 0)]
    expect(publishedBy(ways('pre', plain))).toMatchObject([
      { protocol: 'tcp', address: null, port: 8000, target: '10.1.0.7', target_port: null },
    ])
    const number = make('ng_inc', { modulus: 1, offset: 0, dreg: REG })
    const mapped = make('lookup', { set: 12n, sreg: REG, dreg: REG, invert: 0 })
    expect(publishedBy(ways('pre', [payload(2, 2, 2), cmp(0, 80), number, mapped, dnat(REG, 0)]))).toMatchObject([
      { port: 80, target: '10.1.0.9', target_port: 8080 },
    ])
  })

  it('have no port where a rule compares something else, or another part of a header', () => {
    expect(publishedBy(ways('pre', [payload(2, 0, 2), cmp(0, 80), value(REG, 10, 1, 0, 7), dnat(REG, 0)]))).toEqual([])
    const other = make('cmp', { op: 1, sreg: REG, len: 2, data: full(0, 80) })
    expect(publishedBy(ways('pre', [payload(2, 2, 2), other, value(REG, 10, 1, 0, 7), dnat(REG, 0)]))).toEqual([])
  })
})
