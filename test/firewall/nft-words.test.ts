/** Rules in nft's words, from expressions as the kernel keeps them. */

import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { Struct } from '../../dist/src/firewall/bytes.js'
import { type SetShape, statementsOf } from '../../dist/src/firewall/nft-statements.js'
import { type Names, nftWords } from '../../dist/src/firewall/nft-words.js'
import { setWords } from '../../dist/src/firewall/set-words.js'
import { matchWords } from '../../dist/src/firewall/xt-matches.js'
import { targetWords } from '../../dist/src/firewall/xt-targets.js'
import type { Expression } from '../../dist/src/kernel/nft-expressions.js'
import type { NftSet } from '../../dist/src/kernel/nft-sets.js'

const bytes = (...values: number[]) => Uint8Array.from(values)
const full = (...values: number[]) => Uint8Array.from({ length: 16 }, (_, at) => values[at] ?? 0)
const make = (kind: string, fields: Expression['fields']): Expression => ({
  name: kind.split('_')[0] ?? '',
  kind,
  fields,
})

const REG = 4
const meta = (key: number, dreg = REG) => make('meta_get', { key, dreg })
const payload = (base: number, offset: number, len: number, dreg = REG) => make('payload', { base, offset, len, dreg })
const cmp = (op: number, ...data: number[]) => make('cmp', { op, sreg: REG, len: data.length, data: full(...data) })
const value = (...data: number[]) =>
  make('immediate', { dreg: REG, dlen: data.length, data: full(...data), code: 0, chain: 0 })
const verdict = (code: number, chain = 0n) =>
  make('immediate', { dreg: 0, dlen: 16, data: full(), code: code >>> 0, chain })
const lookup = (set: bigint, dreg = 0) => make('lookup', { set, sreg: REG, dreg, invert: 0 })
const masked = (mask: number[], len = mask.length) =>
  make('bitwise', { sreg: REG, dreg: REG, len, op: 0, mask: full(...mask), xor: full(), data: full() })
const counter = make('counter', { packets: 3n, bytes: 180n })
const L4PROTO = 16
const TCP = [meta(L4PROTO), cmp(0, 6)]
const ACCEPT = verdict(1)

function set(of: Partial<NftSet>): NftSet {
  const nothing = { address: 7n, table: 0n, name: '__set0', handle: 1n, anonymous: true, interval: false, gives: null }
  return { ...nothing, keyType: 13, dataType: 0, keyLength: 2, elements: [], ...of } as NftSet
}
const element = (key: number[], rest: Partial<NftSet['elements'][number]> = {}) => ({
  ...{ key: bytes(...key), keyEnd: null, data: null, end: false, catchall: false },
  ...rest,
})

function words(family: string, expressions: Expression[], sets: NftSet[] = [], comment: string | null = null): string {
  const chain = (address: bigint) => (address === 9n ? 'web' : null)
  const names: Names = {
    chain,
    set: (address, types) => {
      const found = sets.find((one) => one.address === address)
      return found === undefined ? '@?' : found.anonymous ? setWords(found, types, chain) : `@${found.name}`
    },
  }
  const shape = (address: bigint): SetShape | undefined => {
    const found = sets.find((one) => one.address === address)
    return found && { keyLength: found.keyLength, gives: found.gives === 'object' ? null : found.gives }
  }
  return nftWords(family, statementsOf(expressions, shape), comment, names).join(' ')
}

describe('rules', () => {
  const rules: [family: string, expressions: Expression[], text: string][] = [
    [
      'inet',
      [...TCP, payload(2, 2, 2), cmp(0, 0, 22), counter, ACCEPT],
      'tcp dport 22 counter packets 3 bytes 180 accept',
    ],
    ['inet', [meta(15), cmp(0, 2), payload(1, 12, 3), cmp(0, 10, 0, 0), verdict(0)], 'ip saddr 10.0.0.0/24 drop'],
    [
      'ip',
      [payload(1, 16, 4), masked([255, 240, 0, 0]), cmp(1, 172, 16, 0, 0), ACCEPT],
      'ip daddr != 172.16.0.0/12 accept',
    ],
    ['ip', [...TCP, ACCEPT], 'meta l4proto tcp accept'],
    ['inet', [meta(6), cmp(0, ...Buffer.from('eth0\0')), verdict(-3, 9n)], 'iifname "eth0" jump web'],
    ['inet', [meta(7), cmp(1, ...Buffer.from('veth')), verdict(-4, 9n)], 'oifname != "veth*" goto web'],
    [
      'inet',
      [make('ct_get', { key: 0, dir: 0, dreg: REG }), masked([6, 0, 0, 0]), cmp(1, 0, 0, 0, 0), ACCEPT],
      'ct state established,related accept',
    ],
    [
      'inet',
      [...TCP, payload(2, 13, 1), masked([0x17]), cmp(0, 2), verdict(0)],
      'tcp flags syn / fin,syn,rst,ack drop',
    ],
    [
      'inet',
      [meta(3), masked([0, 0x40, 0, 0]), cmp(0, 0, 0x40, 0, 0), verdict(-5)],
      'meta mark & 0x00004000 == 0x00004000 return',
    ],
    ['inet', [value(1, 0, 0, 0), make('meta_set', { key: 3, sreg: REG })], 'meta mark set 0x00000001'],
    [
      'ip',
      [
        ...TCP,
        payload(2, 2, 2),
        make('range', { op: 0, sreg: REG, len: 2, from: full(0, 80), to: full(0, 90) }),
        ACCEPT,
      ],
      'tcp dport 80-90 accept',
    ],
    [
      'inet',
      [make('limit_pkts', { rate: 5n, nsecs: 60_000_000_000n, burst: 5, invert: 0 })],
      'limit rate 5/minute burst 5 packets',
    ],
    ['inet', [make('log', { type: 0, level: 6, flags: 0, prefix: 'no: ' })], 'log prefix "no: " level info'],
    ['inet', [make('reject', { type: 2, code: 3 })], 'reject with icmpx admin-prohibited'],
    ['ip', [make('masq', { min_port: 0, max_port: 0, flags: 16 })], 'masquerade fully-random'],
    [
      'ip',
      [
        value(10, 0, 0, 2),
        make('nat', { type: 1, family: 2, min_address: REG, max_address: REG, min_port: 0, flags: 1 }),
      ],
      'dnat to 10.0.0.2',
    ],
    [
      'inet',
      [make('fib', { flags: 1 | 8, result: 1, dreg: REG }), cmp(0, 0, 0, 0, 0), verdict(0)],
      'fib saddr . iif oif missing drop',
    ],
    [
      'inet',
      [make('fib', { flags: 2, result: 3, dreg: REG }), cmp(0, 2, 0, 0, 0), ACCEPT],
      'fib daddr type local accept',
    ],
    ['inet', [make('strange', null), ACCEPT], '[strange] accept'],
  ]
  test.each(rules)('%s: %#', (family, expressions, text) => {
    expect(words(family, expressions)).toBe(text)
  })

  it('has its comment at its end', () => {
    expect(words('inet', [ACCEPT], [], 'all of it')).toBe('accept comment "all of it"')
  })
})

describe('sets', () => {
  it('are written out where they have no name', () => {
    const ports = set({ elements: [element([1, 187]), element([0, 80])] })
    expect(words('inet', [...TCP, payload(2, 2, 2), lookup(7n), ACCEPT], [ports])).toBe('tcp dport { 80, 443 } accept')
  })

  it('of ranges are ends in a tree', () => {
    const networks = set({
      ...{ keyType: 7, keyLength: 4, interval: true, name: 'lan', anonymous: true },
      elements: [
        ...[element([0, 0, 0, 0], { end: true }), element([10, 0, 0, 0]), element([11, 0, 0, 0], { end: true })],
        ...[element([192, 168, 0, 1]), element([192, 168, 0, 5], { end: true }), element([255, 0, 0, 0])],
      ],
    })
    expect(words('ip', [payload(1, 12, 4), lookup(7n), verdict(0)], [networks])).toBe(
      'ip saddr { 10.0.0.0/8, 192.168.0.1-192.168.0.4, 255.0.0.0/8 } drop',
    )
  })

  it('lead from service to endpoint, as kube-proxy has them', () => {
    // type ipv4_addr . inet_proto . inet_service : verdict
    const services = set({
      ...{
        name: 'service-ips',
        anonymous: false,
        keyType: (7 << 12) | (12 << 6) | 13,
        keyLength: 12,
        gives: 'verdict',
      },
      elements: [],
    })
    const load = [payload(1, 16, 4), meta(L4PROTO, 5), payload(2, 2, 2, 6)]
    expect(words('ip', [...load, lookup(7n)], [services])).toBe('ip daddr . meta l4proto . th dport vmap @service-ips')
    const endpoints = set({
      ...{ address: 8n, keyType: 4, keyLength: 4, gives: 'value', dataType: (7 << 6) | 13 },
      elements: [
        element([0, 0, 0, 0], { data: full(10, 42, 3, 3, 0, 80) }),
        element([0, 0, 0, 1], { data: full(10, 42, 3, 4, 0, 80) }),
      ],
    })
    const nat = make('nat', {
      type: 1,
      family: 2,
      min_address: REG,
      max_address: REG,
      min_port: 5,
      max_port: 5,
      flags: 3,
    })
    const random = make('ng_random', { dreg: REG, modulus: 2, offset: 0 })
    expect(words('ip', [random, lookup(8n, REG), nat], [endpoints])).toBe(
      'dnat to numgen random mod 2 map { 0 : 10.42.3.3 . 80, 1 : 10.42.3.4 . 80 }',
    )
  })

  it('of verdicts name chains', () => {
    const data = full(0xfd, 0xff, 0xff, 0xff, 0, 0, 0, 0, 9)
    const map = set({
      gives: 'verdict',
      elements: [element([0, 80], { data }), element([], { data: full(0), catchall: true })],
    })
    expect(words('inet', [...TCP, payload(2, 2, 2), lookup(7n)], [map])).toBe(
      'tcp dport vmap { * : drop, 80 : jump web }',
    )
  })
})

describe('whatever memory holds', () => {
  const anything = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.uint8Array({ maxLength: 80 }),
    fc.string({ maxLength: 8 }),
    fc.constant(null),
  )
  const kinds = [
    ...['payload', 'payload_set', 'meta_get', 'meta_set', 'cmp', 'cmp_fast', 'bitwise', 'range', 'immediate', 'lookup'],
    ...[
      'dynset',
      'ct_get',
      'ct_set',
      'fib',
      'nat',
      'masq',
      'log',
      'reject',
      'queue',
      'jhash',
      'symhash',
      'ng_inc',
      'tproxy',
    ],
    ...[
      'exthdr',
      'rt_get',
      'socket',
      'quota',
      'limit_bytes',
      'objref',
      'target',
      'match',
      'constructor',
      'toString',
      '',
    ],
  ]
  const members = [
    ...[
      'base',
      'offset',
      'len',
      'dreg',
      'sreg',
      'key',
      'dir',
      'data',
      'mask',
      'xor',
      'op',
      'from',
      'to',
      'code',
      'chain',
    ],
    ...['set', 'dlen', 'flags', 'result', 'type', 'family', 'min_address', 'max_address', 'min_port', 'name', 'info'],
  ]
  const expression = fc.record({
    name: fc.constantFrom(...kinds),
    kind: fc.constantFrom(...kinds),
    fields: fc.option(fc.dictionary(fc.constantFrom(...members), anything)),
  })

  it('becomes words', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('ip', 'ip6', 'inet', 'bridge', 'arp', ''),
        fc.array(expression, { maxLength: 12 }),
        (family, rule) => {
          expect(words(family, rule as Expression[], [set({})])).toBeTypeOf('string')
        },
      ),
    )
  })

  it('becomes words of matches and targets', () => {
    const names = fc.oneof(
      fc.constantFrom('conntrack', 'tcp', 'multiport', 'recent', 'string', 'limit', 'statistic', 'x'),
      fc.string(),
    )
    const info = fc.uint8Array({ maxLength: 300 })
    fc.assert(
      fc.property(
        names,
        fc.integer({ min: 0, max: 4 }),
        info,
        fc.constantFrom('ip', 'ip6'),
        (name, revision, info, family) => {
          for (const word of matchWords(name, revision, new Struct(info), family)) expect(word).toBeTypeOf('string')
          for (const word of targetWords(name.toUpperCase(), revision, info, family)) expect(word).toBeTypeOf('string')
        },
      ),
    )
  })
})
