/** BPF programs of traffic control: filters of the classifier `bpf` and actions of the kind `bpf` (net/sched). */

import type { Batch } from '../batch.js'
import type { Kernel } from '../kernel.js'
import { unlessLacking } from '../lacking.js'
import { hostOrder } from '../net-addresses.js'
import { netGenericId } from '../net-generic.js'
import { NET, NET_DEVICE } from '../objects.js'
import { chain, list, type Nested, object, optional, text, xarray } from '../query.js'
import type { NetworkProgram } from './network-programs.js'

const CLASSIFIER = 'bpf'
/** A filter's number is in the upper half (TC_H_MAJ, include/uapi/linux/pkt_sched.h), as `tc` shows it. */
const PRIORITY_SHIFT = 16
/** ETH_P_* as `tc` calls them (include/uapi/linux/if_ether.h). */
const PROTOCOLS: Readonly<Record<number, string>> = {
  3: 'all',
  2048: 'ip',
  2054: 'arp',
  34525: 'ipv6',
  33024: '802.1Q',
}

/** What traffic control knows of a program's place. */
type Placed = Omit<NetworkProgram, 'net_ns' | 'interface' | 'link' | 'mode'>

/** A filter's place at its device. */
export interface TrafficFilter extends Placed {
  device: bigint
}

/** An action's, which filters of any device of the namespace may call. */
export interface TrafficAction extends Placed {
  net: bigint
}

const FILTERS = {
  walk: chain('filter_chain', 'struct tcf_proto', 'next'),
  rules: [{ path: 'chain', is: 'origin' }],
  select: { kind: text('ops->kind', 16), protocol: 'protocol', priority: 'prio' },
} satisfies Nested

const CHAINS = {
  walk: list('chain_list', 'struct tcf_chain', 'list'),
  rules: [{ path: 'block', is: 'origin' }],
  select: { index: 'index' },
  children: { filters: FILTERS },
} satisfies Nested

/**
 * What packets meet first at a device leads to the first filter, and so to all: `miniq_ingress` and `miniq_egress`, from
 * 6.6 on beside the programs of tcx.
 */
const block = (way: 'ingress' | 'egress') =>
  ({
    walk: object([
      `miniq_${way}->filter_list->chain->block`,
      `container_of(tcx_${way}->parent, struct tcx_entry, bundle)->miniq->filter_list->chain->block`,
    ]),
    select: {},
    children: { chains: CHAINS },
  }) satisfies Nested

/** What either has; one that is made of classic instructions keeps these. */
const HELD = { program: 'filter', handle: '', label: text('bpf_name', 256), classic: 'bpf_ops' } as const

/** Programs of a filter, each of which knows the filter. */
const PROGRAMS = {
  walk: list('((cls_bpf:struct cls_bpf_head *)root)->plist', 'cls_bpf:struct cls_bpf_prog', 'link'),
  rules: [{ path: 'tp', is: 'origin' }],
  select: { ...HELD, handle: 'handle' },
} as const satisfies Nested

/** Programs by which packets are filtered that come to or leave devices, in the order in which these are asked. */
export function readTrafficFilters(kernel: Kernel, devices: Iterable<bigint>): TrafficFilter[] {
  const batch = kernel
    .at(devices, NET_DEVICE)
    .select({}, { 'tc-ingress': block('ingress'), 'tc-egress': block('egress') })
  const places = (['tc-ingress', 'tc-egress'] as const).flatMap((hook) => {
    const blocks = batch.child(hook)
    const chains = blocks.child('chains')
    const filters = chains.child('filters')
    return Array.from({ length: filters.length }, (_, row) => {
      const parent = filters.parents[row] ?? 0
      const protocol = filters.column('protocol').number(row)
      const priority = filters.column('priority').number(row)
      return {
        filter: filters.address(row),
        kind: filters.column('kind').text(row),
        device: batch.address(blocks.parents[chains.parents[parent] ?? 0] ?? 0),
        hook,
        chain: chains.column('index').number(parent),
        protocol: protocol === null ? null : protocolName(hostOrder(protocol)),
        priority: priority === null ? null : priority >>> PRIORITY_SHIFT,
      }
    })
  })
  const ours = places.filter(({ kind }) => kind === CLASSIFIER)
  const { value: found, lacks } = unlessLacking(() =>
    kernel
      .at(
        ours.map(({ filter }) => filter),
        'struct tcf_proto',
      )
      .select({}, { programs: PROGRAMS })
      .child('programs'),
  )
  if (lacks !== null && ours.length > 0)
    kernel.warn({ code: 'absent', message: `filters: ${lacks}`, count: ours.length })
  return Array.from({ length: found?.length ?? 0 }, (_, row): TrafficFilter[] => {
    const place = ours[found?.parents[row] ?? 0]
    if (found === null || place === undefined) return []
    const { filter: _filter, kind: _kind, ...where } = place
    return [{ ...where, ...held(found, row) }]
  }).flat()
}

function protocolName(number: number): string {
  return PROTOCOLS[number] ?? `0x${number.toString(16).padStart(4, '0')}`
}

/** Its number in each namespace's array of what modules keep there (net_generic, include/net/netns/generic.h). */
function actionsId(kernel: Kernel): number | null {
  const operations = kernel.symbolAddress('act_bpf_ops')
  // A variable of its own before 6.1.
  const before = netGenericId(kernel, 'bpf_net_id')
  // A kernel without actions has no type of them (CONFIG_NET_CLS_ACT).
  const { value: now } = unlessLacking(() =>
    kernel.at(operations === null ? [] : [operations], 'struct tc_action_ops').select({ value: optional('net_id') }),
  )
  return now?.column('value').number(0) ?? before
}

/** Programs that are actions, which a filter of any kind may lead to. */
export function readTrafficActions(kernel: Kernel, nets: Iterable<bigint>): TrafficAction[] {
  const id = actionsId(kernel)
  const kept = {
    walk: object(`((struct tc_action_net *)gen->ptr[${id ?? 0}])->idrinfo`),
    rules: [{ path: 'net', is: 'origin' }],
    select: {},
    children: {
      actions: {
        walk: xarray('action_idr', 'act_bpf:struct tcf_bpf'),
        rules: [{ path: 'common.idrinfo', is: 'origin' }],
        select: { ...HELD, handle: 'common.tcfa_index' },
      },
    },
  } as const satisfies Nested
  const batch = unlessLacking(() => kernel.at(id === null ? [] : nets, NET).select({}, { kept }))
  if (batch.value === null) {
    if (id !== null) kernel.warn({ code: 'absent', message: `actions of traffic control: ${batch.lacks}`, count: 1 })
    return []
  }
  const { value } = batch
  const owners = value.child('kept')
  const found = owners.child('actions')
  return Array.from({ length: found.length }, (_, row) => ({
    net: value.address(owners.parents[found.parents[row] ?? 0] ?? 0),
    hook: 'tc-action',
    ...{ chain: null, protocol: null, priority: null },
    ...held(found, row),
  }))
}

/** What filters and actions alike have of a program. */
function held(
  found: Batch<typeof HELD>,
  row: number,
): Pick<NetworkProgram, 'address' | 'program' | 'handle' | 'label' | 'classic'> {
  return {
    address: found.address(row),
    program: found.column('program').bigint(row) ?? 0n,
    handle: found.column('handle').number(row),
    label: found.column('label').text(row),
    classic: found.column('classic').bigint(row) !== 0n,
  }
}
