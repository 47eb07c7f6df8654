/** Expressions of nf_tables rules: the private data of each kind (net/netfilter/nft_*.c). */

import type { Value } from './batch.js'
import type { Kernel } from './kernel.js'
import { unlessLacking } from './lacking.js'
import { bytes, type Nested, optional, perCpuCopies, type Selects, text } from './query.js'

/** An expression of a rule. */
export interface Expression {
  /** As netlink calls it: `payload`, `cmp`, `lookup`. */
  name: string
  /** Which one of that name, by the function that dumps it: `cmp_fast`, `meta_set`. */
  kind: string
  /** What is read of it; null where its kind is not known, or the kernel has no types of it. */
  fields: Readonly<Record<string, Value>> | null
}

/** Where an expression and its private data lie, and what is known of it. */
export interface Found {
  address: bigint
  data: bigint
  name: string | null
  /** Symbol of the function that dumps it; null where it has none. */
  dump: string | null
}

/** What every expression begins with: its operations. */
export const EXPRESSION = 'nf_tables:struct nft_expr'
/** Bytes that are read of what an xtables extension is told; no extension of the kernel takes more. */
const LARGEST_INFO = 4096

/** Of which type private data is, the first that the kernel has, and what is read of it. */
interface Kind {
  types: readonly string[]
  select: Selects
}

const core = (type: string, select: Selects): Kind => ({ types: [`nf_tables:struct ${type}`], select })
const own = (module: string, type: string, select: Selects): Kind => ({ types: [`${module}:struct ${type}`], select })

const RATE = { rate: 'rate', nsecs: 'nsecs', burst: 'burst', invert: 'invert' }
const nested = (member: string) =>
  Object.fromEntries(Object.entries(RATE).map(([as, path]) => [as, `${member}.${path}`]))
const NAT = {
  min_address: 'sreg_addr_min',
  max_address: 'sreg_addr_max',
  min_port: 'sreg_proto_min',
  max_port: 'sreg_proto_max',
}
const PORTS = { min_port: 'sreg_proto_min', max_port: 'sreg_proto_max', flags: 'flags' }

const KINDS: Readonly<Record<string, Kind>> = {
  payload: core('nft_payload', { base: 'base', offset: 'offset', len: 'len', dreg: 'dreg' }),
  payload_set: core('nft_payload_set', { base: 'base', offset: 'offset', len: 'len', sreg: 'sreg' }),
  meta_get: core('nft_meta', { key: 'key', dreg: 'dreg' }),
  meta_set: core('nft_meta', { key: 'key', sreg: 'sreg' }),
  cmp: core('nft_cmp_expr', { data: bytes('data'), sreg: 'sreg', len: 'len', op: 'op' }),
  cmp_fast: core('nft_cmp_fast_expr', { data: bytes('data'), mask: bytes('mask'), sreg: 'sreg', inv: 'inv' }),
  cmp16_fast: core('nft_cmp16_fast_expr', { data: bytes('data'), mask: bytes('mask'), sreg: 'sreg', inv: 'inv' }),
  bitwise: core('nft_bitwise', {
    ...{ sreg: ['sreg'], dreg: ['dreg'], len: 'len', op: optional('op') },
    ...{ mask: bytes('mask'), xor: bytes('xor'), data: optional(bytes('data')) },
  }),
  bitwise_fast: core('nft_bitwise_fast_expr', { sreg: 'sreg', dreg: 'dreg', mask: bytes('mask'), xor: bytes('xor') }),
  byteorder: core('nft_byteorder', { sreg: 'sreg', dreg: 'dreg', op: 'op' }),
  range: core('nft_range_expr', { from: bytes('data_from'), to: bytes('data_to'), sreg: 'sreg', len: 'len', op: 'op' }),
  immediate: core('nft_immediate_expr', {
    ...{ dreg: 'dreg', dlen: 'dlen', data: bytes('data') },
    ...{ code: 'data.verdict.code', chain: 'data.verdict.chain' },
  }),
  lookup: core('nft_lookup', { set: 'set', sreg: 'sreg', dreg: 'dreg', invert: 'invert' }),
  dynset: core('nft_dynset', { set: 'set', key: 'sreg_key', data: 'sreg_data', op: 'op', timeout: 'timeout' }),
  rt_get: core('nft_rt', { key: 'key', dreg: 'dreg' }),
  exthdr: core('nft_exthdr', { type: 'type', offset: 'offset', len: 'len', op: 'op', dreg: 'dreg', flags: 'flags' }),
  objref: { types: ['nf_tables:struct nft_object *'], select: { name: text('key.name', 64), type: 'ops->type->type' } },
  ct_get: own('nft_ct', 'nft_ct', { key: 'key', dir: 'dir', dreg: 'dreg' }),
  ct_set: own('nft_ct', 'nft_ct', { key: 'key', dir: 'dir', sreg: 'sreg' }),
  limit_pkts: {
    types: ['nft_limit:struct nft_limit_priv_pkts', 'nft_limit:struct nft_limit_pkts'],
    select: nested('limit'),
  },
  limit_bytes: { types: ['nft_limit:struct nft_limit_priv', 'nft_limit:struct nft_limit'], select: RATE },
  log: own('nft_log', 'nft_log', {
    ...{ type: 'loginfo.type', level: 'loginfo.u.log.level', flags: 'loginfo.u.log.logflags' },
    ...{ group: 'loginfo.u.ulog.group', threshold: 'loginfo.u.ulog.qthreshold', snaplen: 'loginfo.u.ulog.copy_len' },
    prefix: text('prefix', 128),
  }),
  reject: {
    types: ['nft_reject:struct nft_reject', 'nft_reject_inet:struct nft_reject'],
    select: { type: 'type', code: 'icmp_code' },
  },
  masq: own('nft_masq', 'nft_masq', PORTS),
  redir: own('nft_redir', 'nft_redir', PORTS),
  nat: own('nft_nat', 'nft_nat', { ...NAT, type: 'type', family: 'family', flags: 'flags' }),
  fib: {
    types: ['nft_fib:struct nft_fib', 'nft_fib_inet:struct nft_fib'],
    select: { dreg: 'dreg', result: 'result', flags: 'flags' },
  },
  ng_inc: own('nft_numgen', 'nft_ng_inc', { dreg: 'dreg', modulus: 'modulus', offset: 'offset' }),
  ng_random: own('nft_numgen', 'nft_ng_random', { dreg: 'dreg', modulus: 'modulus', offset: 'offset' }),
  jhash: own('nft_hash', 'nft_jhash', {
    ...{ sreg: 'sreg', dreg: 'dreg', len: 'len', modulus: 'modulus', offset: 'offset', seed: 'seed' },
    autogenerated: 'autogen_seed',
  }),
  symhash: own('nft_hash', 'nft_symhash', { dreg: 'dreg', modulus: 'modulus', offset: 'offset' }),
  quota: own('nft_quota', 'nft_quota', { quota: 'quota.counter', flags: 'flags' }),
  connlimit: own('nft_connlimit', 'nft_connlimit', { limit: 'limit', invert: 'invert' }),
  queue: own('nft_queue', 'nft_queue', { queuenum: 'queuenum', total: 'queues_total', flags: 'flags' }),
  socket: own('nft_socket', 'nft_socket', { key: 'key', dreg: 'dreg', level: optional('level') }),
  tproxy: own('nft_tproxy', 'nft_tproxy', { address: 'sreg_addr', port: 'sreg_port', family: 'family' }),
  flow_offload: own('nft_flow_offload', 'nft_flow_offload', { name: text('flowtable->name', 64) }),
  // With the xtables extension that it wraps (net/netfilter/nft_compat.c), whose operations lead to that.
  target: xt('data', 'target'),
  match: xt('data', 'match'),
  match_large: xt('((nft_compat:struct nft_xt_match_priv *)data)->info', 'match'),
}

function xt(info: string, what: 'match' | 'target'): Kind {
  const extension = `((nft_compat:struct xt_${what} *)ops->data)->`
  return {
    types: [EXPRESSION],
    select: {
      name: text(`${extension}name`),
      revision: `${extension}revision`,
      info: bytes(info, { length: `${extension}${what}size`, max: LARGEST_INFO }),
    },
  }
}

/** Expressions with what is read of them, in the same order. */
export function readExpressions(kernel: Kernel, found: readonly Found[]): Expression[] {
  const kinds = found.map(({ name, dump }) => kindOf(dump) ?? name ?? '')
  const fields = new Map<number, Expression['fields']>()
  for (const [kind, { types, select }] of Object.entries(KINDS)) {
    const rows = [...kinds.keys()].filter((row) => kinds[row] === kind)
    for (const [at, read] of firstRead(
      kernel,
      types,
      select,
      rows.map((row) => found[row]),
    ).entries()) {
      fields.set(rows[at] ?? 0, read)
    }
  }
  const counted = [...kinds.keys()].filter((row) => kinds[row] === 'counter')
  const totals = readCounters(
    kernel,
    counted.map((row) => found[row]?.data ?? 0n),
  )
  for (const [at, total] of totals.entries()) fields.set(counted[at] ?? 0, total)
  return found.map(({ name }, row) => ({ name: name ?? '', kind: kinds[row] ?? '', fields: fields.get(row) ?? null }))
}

/** `nft_cmp_fast_dump [nf_tables]` is of the kind `cmp_fast`. */
function kindOf(dump: string | null): string | null {
  return /^nft_(\w+?)_dump\b/.exec(dump ?? '')?.[1] ?? null
}

/** Rows with the members of the first of these types that the kernel has; none where it has none of them. */
function firstRead(
  kernel: Kernel,
  types: readonly string[],
  select: Selects,
  found: readonly (Found | undefined)[],
): Readonly<Record<string, Value>>[] {
  for (const type of types) {
    const places = found.map((one) => (type === EXPRESSION ? one?.address : one?.data) ?? 0n)
    const { value } = unlessLacking(() => [...kernel.at(places, type).select(select)])
    if (value !== null) return value
  }
  return []
}

/** What every processor has counted (net/netfilter/nft_counter.c), summed up. */
function readCounters(kernel: Kernel, places: readonly bigint[]): Expression['fields'][] {
  const copies = {
    walk: perCpuCopies('counter'),
    select: { packets: ['packets.v.a.a.counter', 'packets'], bytes: ['bytes.v.a.a.counter', 'bytes'] },
  } satisfies Nested
  const { value: batch } = unlessLacking(() =>
    kernel.at(places, 'nf_tables:struct nft_counter_percpu_priv').select({}, { copies }),
  )
  if (batch === null) return []
  const counted = batch.child('copies')
  const byPlace = counted.byParent()
  const sum = (rows: readonly number[], column: 'packets' | 'bytes') =>
    rows.reduce((total, row) => total + (counted.column(column).bigint(row) ?? 0n), 0n)
  return places.map((_, place) => {
    const rows = byPlace.get(place) ?? []
    return rows.length === 0 ? null : { packets: sum(rows, 'packets'), bytes: sum(rows, 'bytes') }
  })
}
