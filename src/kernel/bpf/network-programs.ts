/** BPF programs that see a network namespace's packets: at its interfaces and for all of it. */

import type { Batch } from '../batch.js'
import { DEVICE_PRIVATE } from '../interface-counters.js'
import type { Kernel } from '../kernel.js'
import { unlessLacking } from '../lacking.js'
import { NET, NET_DEVICE } from '../objects.js'
import { array, bytes, type Field, list, type Nested, optional, type Selects, text } from '../query.js'
import { readTrafficActions, readTrafficFilters } from './traffic-filters.js'

/** A place at which a program is attached. */
export interface NetworkProgram {
  /** Of the object that holds the program: the device, the filter, the action or the namespace. */
  address: bigint
  /** Inode number of the namespace. */
  net_ns: number | null
  /** Null for what is the namespace's own. */
  interface: string | null
  /** `xdp`, `tc-ingress`, `tcx-egress`, `netkit-peer`, `tc-action`, `flow-dissector`, `sk-lookup` and their like. */
  hook: string
  /** Of XDP: `generic`, `driver` or `offload`. */
  mode: string | null
  /** Of the `struct bpf_prog`. */
  program: bigint
  /** The link that made it, where the place itself says so. */
  link: bigint | null
  /** Of a filter of traffic control: its chain, the protocol that it is for, and where it comes among others. */
  chain: number | null
  protocol: string | null
  priority: number | null
  /** By which `tc` names it; of an action its index. */
  handle: number | null
  /** What whoever loaded it called it. */
  label: string | null
  /** Whether it is of classic instructions, and so no program that bpftool knows. */
  classic: boolean
}

/** Devices whose programs of mprogs are read by name of their kind (drivers/net/netkit.c). */
const NETKIT = 'netkit'
const NETKIT_PRIVATE = `((netkit:struct netkit *)${DEVICE_PRIVATE})`
/** XDP_MODE_SKB, XDP_MODE_DRV and XDP_MODE_HW (enum bpf_xdp_mode), as ip calls them. */
const XDP_MODES = ['generic', 'driver', 'offload']
/** Programs that a namespace calls in turn, of which more are damage. */
const MOST_CALLED = 64

/** A program, or the link that made it. */
const place = (mode: number) => ({
  [`program${mode}`]: optional(`xdp_state[${mode}].prog`),
  [`link${mode}`]: optional(`xdp_state[${mode}].link`),
  [`linked${mode}`]: optional(`xdp_state[${mode}].link->link.prog`),
})

/** Programs in their order, and beside each the link that made it (kernel/bpf/mprog.c). */
const mprog = (name: string, entry: string) => ({
  [name]: optional(bytes(`${entry}->fp_items`)),
  [`${name}-links`]: optional(bytes(`${entry}->parent->cp_items`)),
})

const ON_DEVICE: Selects = {
  name: text('name'),
  kind: text('rtnl_link_ops->kind', 32),
  // What generic XDP calls, whatever is said to be attached.
  called: 'xdp_prog',
  ...Object.assign({}, ...XDP_MODES.map((_, mode) => place(mode))),
  ...mprog('tcx-ingress', 'tcx_ingress'),
  ...mprog('tcx-egress', 'tcx_egress'),
}

const DEVICES = {
  walk: list('dev_base_head', NET_DEVICE, 'dev_list'),
  rules: [{ path: 'nd_net.net', is: 'origin' }],
  select: ON_DEVICE,
} satisfies Nested

/** Programs that the namespace calls, of which the first that is none is the end. */
const called = (type: string) =>
  ({
    walk: array(`bpf.run_array[${type}]->items`, { count: MOST_CALLED, most: MOST_CALLED }),
    optional: true,
    select: { program: 'prog' },
  }) satisfies Nested

const OWN = {
  'flow-dissector': called('NETNS_BPF_FLOW_DISSECTOR'),
  'sk-lookup': called('NETNS_BPF_SK_LOOKUP'),
} as const

/** What is alike for all but filters of traffic control. */
const PLAIN = { mode: null, link: null, chain: null, protocol: null, priority: null, handle: null, label: null }

/** Every program of every network namespace, in the kernel's order; read once per image. */
export function readNetworkPrograms(kernel: Kernel): readonly Readonly<NetworkProgram>[] {
  return kernel.once(readEveryNetworkProgram)
}

function readEveryNetworkProgram(kernel: Kernel): NetworkProgram[] {
  const nets = kernel
    .ofKindsItHas()
    .list('net_namespace_list', NET, 'list')
    .select({ inode: 'ns.inum', dissector: optional('flow_dissector_prog') }, { devices: DEVICES, ...OWN })
  const devices = nets.child('devices')
  const interfaces = new Map(
    Array.from({ length: devices.length }, (_, row) => {
      const net_ns = nets.column('inode').number(devices.parents[row] ?? 0)
      return [devices.address(row), { net_ns, interface: devices.column('name').text(row) }] as const
    }),
  )
  const inodes = new Map([...nets.addresses].map((net, row) => [net, nets.column('inode').number(row)]))
  const nowhere = { net_ns: null, interface: null }
  const onDevices = [...devices.addresses.keys()].flatMap((row) =>
    [...xdpOf(devices, row), ...mprogOf(devices, row, 'tcx-ingress'), ...mprogOf(devices, row, 'tcx-egress')].map(
      (found) => ({ address: devices.address(row), ...found }),
    ),
  )
  const kits = devices.addresses.filter((_, row) => devices.column('kind').text(row) === NETKIT)
  const placed = [...onDevices, ...netkitPrograms(kernel, kits)].map((found) => ({
    ...{ ...PLAIN, classic: false, ...found },
    ...(interfaces.get(found.address) ?? nowhere),
  }))
  const filters = readTrafficFilters(kernel, devices.addresses).map(({ device, ...filter }) => ({
    ...{ ...PLAIN, ...filter },
    ...(interfaces.get(device) ?? nowhere),
  }))
  const actions = readTrafficActions(kernel, nets.addresses).map(({ net, ...action }) => ({
    ...{ ...PLAIN, ...action, interface: null },
    net_ns: inodes.get(net) ?? null,
  }))
  const own = ownPrograms(kernel, nets).map(({ net, ...found }) => ({
    ...{ ...PLAIN, ...found, interface: null, classic: false },
    ...{ address: net, net_ns: inodes.get(net) ?? null },
  }))
  return [...placed, ...filters, ...actions, ...own].filter(({ program }) => program !== 0n)
}

type Found = Pick<NetworkProgram, 'hook' | 'program'> & Partial<NetworkProgram>
type Devices = Batch<Selects>

/** What is said to be attached, and what is called without being so. */
function xdpOf(devices: Devices, row: number): Found[] {
  const value = (column: string) => devices.column(column).bigint(row) ?? 0n
  const attached = XDP_MODES.map((name, mode) => {
    const link = value(`link${mode}`)
    const program = value(link === 0n ? `program${mode}` : `linked${mode}`)
    return { hook: 'xdp', mode: name, program, link: link === 0n ? null : link }
  })
  const generic = value('called')
  const known = attached.some(({ program }) => program === generic)
  return known ? attached : [...attached, { hook: 'xdp', mode: 'generic', program: generic }]
}

function mprogOf(devices: Devices, row: number, hook: string, column = hook): Found[] {
  const programs = wordsOf(devices.column(column).bytes(row))
  const links = wordsOf(devices.column(`${column}-links`).bytes(row))
  const end = programs.indexOf(0n)
  return programs
    .slice(0, end < 0 ? programs.length : end)
    .map((program, at) => ({ hook, program, link: links[at] || null }))
}

/** Programs of pairs of virtual devices, which either end has for what it sends. */
function netkitPrograms(kernel: Kernel, kits: BigUint64Array): (Found & { address: bigint })[] {
  const { value: batch } = unlessLacking(() =>
    kernel
      .at(kits, NET_DEVICE)
      .select({ primary: `${NETKIT_PRIVATE}->primary`, ...mprog('active', `${NETKIT_PRIVATE}->active`) }),
  )
  return [...(batch?.addresses.keys() ?? [])].flatMap((row) => {
    const hook = batch?.column('primary').number(row) === 1 ? 'netkit-primary' : 'netkit-peer'
    return mprogOf(batch as Devices, row, hook, 'active').map((found) => ({ address: kits[row] ?? 0n, ...found }))
  })
}

type Nets = Batch<{ inode: string; dissector: Field }, { devices: typeof DEVICES } & typeof OWN>

/** Programs that stand for one which was taken away, and that do nothing (kernel/bpf/core.c). */
function ownPrograms(kernel: Kernel, nets: Nets): (Found & { net: bigint })[] {
  const [nothing] = kernel.addresses('dummy_bpf_prog')
  const before = [...nets.addresses].map((net, row) => ({
    ...{ net, hook: 'flow-dissector', program: nets.column('dissector').bigint(row) ?? 0n },
  }))
  const now = (['flow-dissector', 'sk-lookup'] as const).flatMap((hook) => {
    const items = nets.child(hook)
    return [...items.byParent()].flatMap(([net, rows]) => {
      const programs = rows.map((row) => items.column('program').bigint(row) ?? 0n)
      const end = programs.indexOf(0n)
      return programs
        .slice(0, end < 0 ? programs.length : end)
        .filter((program) => program !== nothing)
        .map((program) => ({ net: nets.address(net), hook, program }))
    })
  })
  return [...before, ...now]
}

/** 64-bit words of bytes, whose rest is none. */
export function wordsOf(packed: Uint8Array | null): bigint[] {
  if (packed === null) return []
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  return Array.from({ length: Math.floor(packed.byteLength / 8) }, (_, word) => view.getBigUint64(word * 8, true))
}
