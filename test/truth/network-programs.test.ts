/** Programs that see packets. The guests have none: copies of their memory are given some, by programs that they have. */

import { describe, expect, it } from 'vitest'
import { readPrograms } from '../../dist/src/kernel/bpf/programs.js'
import { readNetDevices } from '../../dist/src/kernel/interfaces.js'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf, type Paths } from '../../dist/src/kernel/query.js'
import { sharedImage, sharedImages, table } from './images.js'
import { type Patch, patchedCopy, word } from './patched.js'
import { disguised, forge, forgery, overwritten, renamed } from './planted-modules.js'

const NET_DEVICE = 'struct net_device'
const HOST = 4_026_531_840

function device(kernel: Kernel, name: string): bigint {
  return readNetDevices(kernel).find((one) => one.net_ns === HOST && one.name === name)?.address ?? 0n
}

/** Programs of the guest's own by their ids, lowest first. */
function programs(kernel: Kernel): { address: bigint; id: number | null; name: string | null }[] {
  return readPrograms(kernel).map(({ address, id, name }) => ({ address, id, name }))
}

const set = (kernel: Kernel, object: bigint, type: string, path: Paths, value: bigint): Patch => {
  const { at, value: old } = word(kernel, object, type, path)
  return [at, old, value]
}

const at = (kernel: Kernel, object: bigint, type: string, path: Paths): bigint =>
  kernel
    .at([object], type)
    .select({ at: addressOf(path) })
    .column('at')
    .bigint(0) ?? 0n

/** XDP at an interface, at another one that is only called, and what the host's namespace calls itself. */
function attached(kernel: Kernel): Patch[] {
  const [first, second, third] = programs(kernel).map(({ address }) => address) as [bigint, bigint, bigint]
  const scratch = forgery(kernel, 4096)
  const net = kernel.address('init_net') ?? 0n
  const array = (where: bigint, ...called: bigint[]) => {
    for (const [item, program] of called.entries()) {
      forge(kernel, scratch, where, 'struct bpf_prog_array', [[`items[${item}].prog`, 8, program]])
    }
    return where
  }
  const own = (which: number, value: bigint) => set(kernel, net, 'struct net', `bpf.run_array[${which}]`, value)
  return [
    set(kernel, device(kernel, 'ens4'), NET_DEVICE, 'xdp_state[0].prog', first),
    set(kernel, device(kernel, 'ens4'), NET_DEVICE, 'xdp_prog', first),
    set(kernel, device(kernel, 'lo'), NET_DEVICE, 'xdp_prog', second),
    own(0, array(scratch.base, third)),
    own(1, array(scratch.base + 512n, first, kernel.address('dummy_bpf_prog') ?? 0n, second)),
    ...scratch.patches(),
  ]
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()
    const copy = patchedCopy(image, attached)

    it('has none where the guest has none', () => {
      const { rows, warnings } = table('network-programs', image.as('elf'))
      expect(rows).toEqual([])
      expect(warnings).toEqual([])
    })

    it('has XDP as it is attached and as it is called, and what the namespace calls', () => {
      const { rows } = table('network-programs', copy.path)
      const ids = table('bpf-programs', copy.path).rows.map(({ id }) => id)
      const own = { net_ns: HOST, container: null, hidden: false, link_id: null }
      expect(rows).toMatchObject([
        { ...own, interface: 'lo', hook: 'xdp', mode: 'generic', program_id: ids[1] },
        { ...own, interface: 'ens4', hook: 'xdp', mode: 'generic', program_id: ids[0] },
        { ...own, interface: null, hook: 'flow-dissector', program_id: ids[2] },
        { ...own, interface: null, hook: 'sk-lookup', program_id: ids[0] },
        { ...own, interface: null, hook: 'sk-lookup', program_id: ids[1] },
      ])
      const attachments = table('bpf-attachments', copy.path).rows.filter(({ net_ns }) => net_ns !== null)
      expect(attachments.map(({ kind, type, target }) => [kind, type, target])).toEqual([
        ['interface', 'xdp', 'lo'],
        ['interface', 'xdp', 'ens4'],
        ['network namespace', 'flow_dissector', `net:[${HOST}]`],
        ['network namespace', 'sk_lookup', `net:[${HOST}]`],
        ['network namespace', 'sk_lookup', `net:[${HOST}]`],
      ])
    })
  })
}

const ENTRY = 'struct tcx_entry'

/** Two programs at one way of tcx, of which the second has a link. */
function express(kernel: Kernel): Patch[] {
  const [first, second] = programs(kernel).map(({ address }) => address) as [bigint, bigint]
  const scratch = forgery(kernel, 4096)
  const entry = scratch.base
  forge(kernel, scratch, entry, ENTRY, [
    ['bundle.b.fp_items[0].prog', 8, first],
    ['bundle.b.fp_items[1].prog', 8, second],
    ['bundle.b.parent', 8, at(kernel, entry, ENTRY, 'bundle')],
    ['bundle.cp_items[1].link', 8, entry + 8n],
  ])
  const b = at(kernel, entry, ENTRY, 'bundle.b')
  return [set(kernel, device(kernel, 'cni0'), NET_DEVICE, 'tcx_egress', b), ...scratch.patches()]
}

describe('programs of tcx', () => {
  const image = sharedImage('k8s-debian13')
  image.require()
  const copy = patchedCopy(image, express)

  it('are in the order in which they are called', () => {
    const { rows } = table('network-programs', copy.path)
    const ids = table('bpf-programs', copy.path).rows.map(({ id }) => id)
    const own = { net_ns: HOST, interface: 'cni0', hook: 'tcx-egress', priority: null }
    expect(rows).toMatchObject([
      { ...own, program_id: ids[0] },
      { ...own, program_id: ids[1] },
    ])
  })
})

const [PROTO, CHAIN, BLOCK, FILTER, ACTION] = [
  'struct tcf_proto',
  'struct tcf_chain',
  'struct tcf_block',
  'cls_bpf:struct cls_bpf_prog',
  'act_bpf:struct tcf_bpf',
]

/** Objects of traffic control, by where they are forged. */
function placesOf(base: bigint) {
  return {
    ...{ mini: base, block: base + 0x100n, chain: base + 0x800n, other: base + 0x900n, ours: base + 0xa00n },
    ...{ operations: base + 0xb00n, others: base + 0xc00n, head: base + 0xd00n, first: base + 0xe00n },
    ...{
      second: base + 0xf00n,
      label: base + 0x1000n,
      ids: base + 0x1100n,
      own: base + 0x1200n,
      action: base + 0x1300n,
    },
  }
}

const ring = (path: string, next: bigint, prev: bigint) =>
  [
    [`${path}.next`, 8, next],
    [`${path}.prev`, 8, prev],
  ] as const

/** Types come first: what is forged after them is of them. */
const types = (kernel: Kernel): Patch[] => [
  ...disguised(kernel, 'kvm_amd', 'cls_bpf'),
  ...disguised(kernel, 'fuse', 'act_bpf'),
  ...renamed(kernel, 'fuse', 'fuse_req_cachep', 'act_bpf_ops'),
]

/** A number under which another module had something. */
const SLOT = 4

/** What lies under it, of the host alone. */
function owns(kernel: Kernel, own: bigint): Patch[] {
  const nets = kernel.list('net_namespace_list', 'struct net', 'list').select({}).addresses
  return Array.from(nets, (net) =>
    set(kernel, net, 'struct net', `gen->ptr[${SLOT}]`, net === kernel.address('init_net') ? own : 0n),
  )
}

/** A filter of another kind, then one of ours with a program and a classic one; and an action. */
function filters(kernel: Kernel): Patch[] {
  const [first, , third] = programs(kernel).map(({ address }) => address) as [bigint, bigint, bigint]
  const scratch = forgery(kernel, 0x2000)
  const it = placesOf(scratch.base)
  const net = kernel.address('init_net') ?? 0n
  const make = (where: bigint, type: string, ...members: Parameters<typeof forge>[4]) =>
    forge(kernel, scratch, where, type, members)
  const text = (where: bigint, value: string) => scratch.write(where, Buffer.from(`${value}\0`))
  make(it.mini, 'struct mini_Qdisc', ['filter_list', 8, it.other])
  make(it.block, BLOCK, ...ring('chain_list', at(kernel, it.chain, CHAIN, 'list'), at(kernel, it.chain, CHAIN, 'list')))
  const list = at(kernel, it.block, BLOCK, 'chain_list')
  make(it.chain, CHAIN, ...ring('list', list, list), ['block', 8, it.block], ['filter_chain', 8, it.other])
  const filter = (where: bigint, next: bigint, priority: number, operations: bigint) =>
    make(
      ...([where, PROTO] as const),
      ...([
        ['next', 8, next],
        ['chain', 8, it.chain],
        ['prio', 4, priority << 16],
        ['ops', 8, operations],
      ] as const),
      ...([
        ['protocol', 2, 0x0008],
        ['root', 8, it.head],
      ] as const),
    )
  filter(it.other, it.ours, 5, it.others)
  filter(it.ours, 0n, 7, it.operations)
  text(at(kernel, it.operations, 'struct tcf_proto_ops', 'kind'), 'bpf')
  text(at(kernel, it.others, 'struct tcf_proto_ops', 'kind'), 'u32')
  text(it.label, 'evil.o:[ingress]')
  const link = (where: bigint) => at(kernel, where, FILTER, 'link')
  make(it.head, 'cls_bpf:struct cls_bpf_head', ...ring('plist', link(it.first), link(it.second)))
  make(it.first, FILTER, ...ring('link', link(it.second), it.head), ['filter', 8, first], ['handle', 4, 1])
  make(it.first, FILTER, ['tp', 8, it.ours], ['bpf_name', 8, it.label])
  make(it.second, FILTER, ...ring('link', it.head, link(it.first)), ['filter', 8, third], ['handle', 4, 2])
  make(it.second, FILTER, ['tp', 8, it.ours], ['bpf_ops', 8, it.label])
  // An action is the only one of its namespace: where the tree would begin, it is itself.
  make(it.ids, 'struct tcf_idrinfo', ['action_idr.idr_rt.xa_head', 8, it.action], ['net', 8, net])
  make(it.own, 'struct tc_action_net', ['idrinfo', 8, it.ids])
  make(
    it.action,
    ACTION,
    ['common.ops', 8, it.operations],
    ['common.idrinfo', 8, it.ids],
    ['common.tcfa_index', 4, 33],
    ['filter', 8, third],
  )
  const operations = kernel.symbolAddress('act_bpf_ops') ?? 0n
  return [
    set(kernel, device(kernel, 'docker0'), NET_DEVICE, 'miniq_ingress', it.mini),
    ...owns(kernel, it.own),
    ...overwritten(kernel, at(kernel, operations, 'struct tc_action_ops', 'net_id'), Uint8Array.of(SLOT, 0, 0, 0)),
    ...scratch.patches(),
  ]
}

describe('filters and actions of traffic control', () => {
  const image = sharedImage('docker-debian12')
  image.require()
  const copy = patchedCopy(image, types, filters)

  it('are there with their places, and others than ours are not', () => {
    const { rows, warnings } = table('network-programs', copy.path)
    const programs = table('bpf-programs', copy.path).rows
    const filter = { net_ns: HOST, interface: 'docker0', hook: 'tc-ingress', chain: 0, protocol: 'ip', priority: 7 }
    expect(rows).toMatchObject([
      { ...filter, handle: 1, program_id: programs[0]?.id, tag: programs[0]?.tag, label: 'evil.o:[ingress]' },
      { ...filter, handle: 2, program_id: null, type: 'classic', hidden: null },
      { interface: null, hook: 'tc-action', handle: 33, program_id: programs[2]?.id, net_ns: HOST },
    ])
    expect(warnings).toEqual([])
  })
})
