/** Settings whose value is made when it is read: what of them can be made from memory alike. */

import { hexText } from '../bytes-text.js'
import type { Kernel } from './kernel.js'
import { array, optional, text } from './query.js'
import { RingBytes } from './ring-bytes.js'
import type { Entry, Reader } from './sysctl-plain.js'
import { readPointers, readValues } from './values.js'

/** A value that a symbol of the kernel has, whatever the table says. */
type OfSymbol = readonly [handler: string, symbol: string, type: string, show: (value: bigint) => string]

const decimal = String
const isSet = (value: bigint) => (value > 0n ? '1' : '0')
const hasBits = (bits: bigint) => (value: bigint) => ((value & bits) === 0n ? '0' : '1')

/** Static keys begin with how often they are enabled (include/linux/jump_label.h). */
const OF_SYMBOLS: readonly OfSymbol[] = [
  ['proc_taint', 'tainted_mask', 'unsigned long', decimal],
  ['sysctl_max_threads', 'max_threads', 'int', decimal],
  ['sysctl_numa_balancing', 'sysctl_numa_balancing_mode', 'int', decimal],
  ['sysctl_schedstats', 'sched_schedstats', 'int', isSet],
  ['sysctl_delayacct', 'delayacct_on', 'int', isSet],
  ['nf_hooks_lwtunnel_sysctl_handler', 'nf_hooks_lwtunnel_enabled', 'int', isSet],
  ['proc_kprobes_optimization_handler', 'kprobes_allow_optimization', 'bool', isSet],
  // WATCHDOG_HARDLOCKUP_ENABLED and WATCHDOG_SOFTOCKUP_ENABLED (kernel/watchdog.c).
  ['proc_nmi_watchdog', 'watchdog_enabled', 'unsigned long', hasBits(1n)],
  ['proc_soft_watchdog', 'watchdog_enabled', 'unsigned long', hasBits(2n)],
  ['proc_watchdog', 'watchdog_enabled', 'unsigned long', hasBits(3n)],
  ['seccomp_actions_logged_handler', 'seccomp_actions_logged', 'unsigned int', actionsLogged],
]

/** SECCOMP_LOG_… with their names, in the order in which they are shown (kernel/seccomp.c). */
const ACTIONS: readonly [bit: bigint, name: string][] = [
  [1n << 0n, 'kill_process'],
  [1n << 1n, 'kill_thread'],
  [1n << 2n, 'trap'],
  [1n << 3n, 'errno'],
  [1n << 7n, 'user_notif'],
  [1n << 4n, 'trace'],
  [1n << 5n, 'log'],
  [1n << 6n, 'allow'],
]

function actionsLogged(bits: bigint): string {
  return ACTIONS.flatMap(([bit, name]) => ((bits & bit) === 0n ? [] : [name])).join(' ')
}

/** TCP_CONG_NON_RESTRICTED (include/net/tcp.h). */
const NON_RESTRICTED = 1
/** Bits of the longest bitmap: one for each port. */
const MOST_BITS = 1 << 16

/** Readers by their handlers' names. */
export function computedReaders(kernel: Kernel): [string, Reader][] {
  const same =
    (value: string | null | undefined): Reader =>
    (entries) =>
      entries.map(() => value)
  return [
    ...OF_SYMBOLS.map(([handler, symbol, type, show]): [string, Reader] => [
      handler,
      same(symbolValue(kernel, symbol, type, show)),
    ]),
    // Shown as 0 since nothing is behind it any more (ipc/ipc_sysctl.c).
    ['proc_ipc_auto_msgmni', same('0')],
    ['proc_do_static_key', staticKeys(kernel)],
    ['bpf_stats_handler', staticKeys(kernel)],
    ['proc_do_uuid', bootId(kernel)],
    ['proc_cap_handler', capabilities(kernel)],
    ['proc_do_large_bitmap', bitmaps(kernel)],
    ['proc_watchdog_cpumask', bitmaps(kernel)],
    ['nf_log_proc_dostring', loggers(kernel)],
    ['set_default_qdisc', same(nameAt(kernel, 'default_qdisc_ops', 'struct Qdisc_ops', 'id'))],
    ['proc_do_cad_pid', same(firstProcess(kernel))],
    ['sysrq_sysctl_handler', same(sysrq(kernel))],
    ...network(kernel),
    ...hugePages(kernel),
  ]
}

/** A symbol's value as it is shown; undefined in a kernel that has no such symbol. */
function symbolValue(
  kernel: Kernel,
  symbol: string,
  type: string,
  show: (value: bigint) => string,
): string | null | undefined {
  const address = kernel.address(symbol)
  if (address === null) return undefined
  const [value = null] = readValues(kernel, type, [address])
  return value === null ? null : show(BigInt(value))
}

function staticKeys(kernel: Kernel): Reader {
  return (entries) => {
    const enabled = readValues(
      kernel,
      'int',
      entries.map(({ data }) => data),
    )
    return enabled.map((value) => (value === null ? undefined : isSet(BigInt(value))))
  }
}

/** Sixteen bytes, of which the ninth is 0 until they are first asked for; the other setting of this kind is made anew each time. */
function bootId(kernel: Kernel): Reader {
  return (entries) => entries.map(({ name, data }) => (name === 'boot_id' ? uuidAt(kernel, data) : undefined))
}

function uuidAt(kernel: Kernel, address: bigint): string | undefined {
  const id = bytesAt(kernel, address, 16)
  if (id === null || id[8] === 0) return undefined
  return hexText(id).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function bytesAt(kernel: Kernel, address: bigint, length: number): Uint8Array | null {
  return address === 0n ? null : new RingBytes(kernel, address, length).at(0, length)
}

/** What a helper that the kernel starts may do: two words (kernel/umh.c). */
function capabilities(kernel: Kernel): Reader {
  return (entries) =>
    entries.map(({ name }) => {
      const at = kernel.address(`usermodehelper_${name}`)
      if (at === null) return undefined
      const words = readValues(kernel, 'unsigned int', [at, at + 4n])
      return words.includes(null) ? null : words.join('\t')
    })
}

/** A pointer to a bitmap of as many bits as the table has for its length (proc_do_large_bitmap). */
function bitmaps(kernel: Kernel): Reader {
  return (entries) => {
    const places = readPointers(
      kernel,
      entries.map(({ data }) => data),
    )
    return entries.map(({ length }, row) => {
      if (length <= 0 || length > MOST_BITS) return undefined
      const bits = bytesAt(kernel, places[row] ?? 0n, Math.ceil(length / 8))
      return bits === null ? null : rangesOf(bits)
    })
  }
}

/** Bits that are set, as `0-1,3-127`. */
export function rangesOf(bits: Uint8Array): string {
  const ranges: string[] = []
  let first: number | null = null
  for (let bit = 0; bit <= bits.length * 8; bit++) {
    const set = ((bits[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
    if (set) first ??= bit
    else if (first !== null) {
      ranges.push(first === bit - 1 ? `${first}` : `${first}-${bit - 1}`)
      first = null
    }
  }
  return ranges.join(',')
}

/** Who logs packets of a protocol family, whose number is in the table (net/netfilter/nf_log.c). */
function loggers(kernel: Kernel): Reader {
  const logger = '((struct net *)extra2)->nf.nf_loggers[(extra1)]'
  return (entries) => {
    const tables = entries.map(({ table }) => table)
    const found = kernel
      .at(tables, 'struct ctl_table')
      .select({ logger: optional(logger), name: optional(text(`${logger}->name`)) })
    return tables.map((_, row) => {
      const address = found.column('logger').bigint(row)
      return address === 0n ? 'NONE' : (found.column('name').text(row) ?? undefined)
    })
  }
}

function nameAt(kernel: Kernel, symbol: string, type: string, path: string): string | null | undefined {
  if (kernel.address(symbol) === null) return undefined
  const found = kernel.symbol(symbol, `${type} *`).select({ name: text(path) })
  return found.length === 0 ? undefined : found.column('name').text(0)
}

/** Whom the kernel tells that control, alt and delete were pressed. */
function firstProcess(kernel: Kernel): string | null | undefined {
  if (kernel.address('cad_pid') === null) return undefined
  const found = kernel.symbol('cad_pid', 'struct pid *').select({ number: 'numbers[0].nr' })
  const number = found.length === 0 ? null : found.column('number').number(0)
  return number === null ? null : String(number)
}

function sysrq(kernel: Kernel): string | null | undefined {
  const always = symbolValue(kernel, 'sysrq_always_enabled', 'bool', isSet)
  return always === '1' ? '1' : symbolValue(kernel, 'sysrq_enabled', 'int', decimal)
}

/** What the host's own network has; its ports lie in two numbers or in the halves of one. */
const NETWORK = {
  low: ['ipv4.ip_local_ports.range[0]', 'ipv4.ip_local_ports.range & 0xffff'],
  high: ['ipv4.ip_local_ports.range[1]', 'ipv4.ip_local_ports.range >> 16'],
  control: text('ipv4.tcp_congestion_control->name'),
  tcp: ['ipv4.tcp_death_row.hashinfo->ehash_mask + 1', 'ipv4.tcp_death_row->hashinfo->ehash_mask + 1'],
} as const

function network(kernel: Kernel): [string, Reader][] {
  const net = kernel.symbol('init_net', 'struct net').select(NETWORK)
  // A namespace has a table of its own for UDP, or none, from 6.2 on.
  const udp = kernel.attempt(() => kernel.symbol('init_net', 'struct net').select({ size: 'ipv4.udp_table->mask + 1' }))
  const [low, high] = [net.column('low').number(0), net.column('high').number(0)]
  const controls = kernel
    .list('tcp_cong_list', 'struct tcp_congestion_ops', 'list')
    .select({ name: text('name'), flags: 'flags' })
  const names = [...controls.rows()]
  const allowed = names.filter(({ flags }) => (Number(flags) & NON_RESTRICTED) !== 0)
  const protocols = [...kernel.list('tcp_ulp_list', 'struct tcp_ulp_ops', 'list').select({ name: text('name') })]
  const joined = (rows: readonly { name: string | null }[]) => rows.map(({ name }) => name ?? '?').join(' ')
  const values: readonly [string, string | null][] = [
    ['ipv4_local_port_range', low === null || high === null ? null : `${low}\t${high}`],
    ['proc_tcp_available_congestion_control', joined(names)],
    ['proc_allowed_congestion_control', joined(allowed)],
    ['proc_tcp_congestion_control', net.column('control').text(0)],
    ['proc_tcp_available_ulp', joined(protocols)],
    ['proc_tcp_ehash_entries', textOf(net.column('tcp').number(0))],
    ['proc_udp_hash_entries', textOf(udp?.column('size').number(0) ?? null)],
  ]
  return values.map(([handler, value]) => [handler, (entries: readonly Entry[]) => entries.map(() => value)])
}

function textOf(number: number | null): string | null {
  return number === null ? null : String(number)
}

/** Sizes of huge pages that a kernel has: x86-64 has two, arm64 four. */
const MOST_SIZES = 8

/** Of the size that is the default (mm/hugetlb.c). */
function hugePages(kernel: Kernel): [string, Reader][] {
  const place = kernel.address('default_hstate_idx')
  if (place === null || kernel.address('hstates') === null) return []
  const [number = null] = readValues(kernel, 'unsigned int', [place])
  const sizes = kernel
    .symbol('hstates', 'struct hstate')
    .walk(array('', { count: MOST_SIZES }))
    .select({ most: 'max_huge_pages', more: 'nr_overcommit_huge_pages' })
  const value = (name: 'most' | 'more'): Reader => {
    const read = number === null || number >= MOST_SIZES ? null : sizes.column(name).number(Number(number))
    return (entries) => entries.map(() => textOf(read))
  }
  return [
    ['hugetlb_sysctl_handler', value('most')],
    ['hugetlb_mempolicy_sysctl_handler', value('most')],
    ['hugetlb_overcommit_handler', value('more')],
  ]
}
