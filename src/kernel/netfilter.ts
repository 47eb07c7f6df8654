/** Hook functions of netfilter, by namespace and device (net/netfilter/core.c). */

import type { Batch } from './batch.js'
import type { Kernel, Place } from './kernel.js'
import { array, index, list, type Nested, optional, type Selects, text } from './query.js'

/** MAX_HOOK_COUNT (net/netfilter/core.c). */
const MOST_HOOKS = 1024
/** NFPROTO_* (include/uapi/linux/netfilter.h). */
const INET = 1
const NETDEV = 5
/** NF_INET_INGRESS (include/uapi/linux/netfilter.h), the number of a device's hook as the family inet counts. */
const INET_INGRESS = 5

/** NF_INET_* (include/uapi/linux/netfilter.h); NF_BR_* are the same (include/uapi/linux/netfilter_bridge.h). */
const INET_HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const
/** NF_ARP_* (include/uapi/linux/netfilter_arp.h). */
const ARP_HOOKS = ['input', 'output', 'forward'] as const
/** NF_NETDEV_* (include/uapi/linux/netfilter.h), by the member of a device. */
const DEVICE_HOOKS = ['ingress', 'egress'] as const

/** What a namespace keeps hooks of, as nft calls it, with the member of `struct netns_nf` and its NFPROTO_*. */
const FAMILIES = [
  { family: 'ip', member: 'hooks_ipv4', pf: 2, hooks: INET_HOOKS },
  { family: 'ip6', member: 'hooks_ipv6', pf: 10, hooks: INET_HOOKS },
  { family: 'arp', member: 'hooks_arp', pf: 3, hooks: ARP_HOOKS },
  { family: 'bridge', member: 'hooks_bridge', pf: 7, hooks: INET_HOOKS },
] as const

/** A function that is called for packets. */
export interface Hook {
  /** Inode number of the namespace. */
  net_ns: number | null
  /** `ip`, `ip6`, `arp`, `bridge`, of devices `netdev` and `inet`. */
  family: string
  /** `prerouting`, `ingress` and so on. */
  hook: string
  /** Name of the device whose packets it sees; null for those of the whole namespace. */
  device: string | null
  /** Which one it is in its hook's order. */
  position: number
  priority: number | null
  /** Of the function. */
  address: bigint
  /** Of what the function is called with: an nf_tables chain, an iptables table. */
  private: bigint | null
  /** What lies there; null where neither the kernel nor a module has anything. */
  place: Place | null
  /** The function that was registered in this place. */
  registered: bigint | null
}

const ENTRIES = 'struct nf_hook_entries'
/** Pointers to what is hooked in, each by the member and the hook's number. */
const HEADS = FAMILIES.flatMap(({ member, hooks }) =>
  hooks.map((_, number) => [`${member}${number}`, optional(`nf.${member}[${number}]`)]),
)
const NET: Selects = { inode: 'ns.inum', ...Object.fromEntries(HEADS) }
const DEVICES = {
  walk: list('dev_base_head', 'struct net_device', 'dev_list'),
  rules: [{ path: 'nd_net.net', is: 'origin' }],
  select: { name: text('name'), ingress: optional('nf_hooks_ingress'), egress: optional('nf_hooks_egress') },
} satisfies Nested

const COUNT = { count: 'num_hook_entries', most: MOST_HOOKS } as const
const CALLED = { walk: array('hooks', COUNT), select: { hook: 'hook', private: 'priv' } } satisfies Nested
/** Pointers to the `nf_hook_ops` of all entries lie behind the last of them (include/linux/netfilter.h). */
const REGISTERED = {
  walk: array('((unsigned long *)hooks[(num_hook_entries)])', { ...COUNT, pointers: true, type: 'struct nf_hook_ops' }),
  select: { position: index(), hook: 'hook', pf: 'pf', number: 'hooknum', priority: 'priority' },
} satisfies Nested

/** Where functions are hooked in: what they have in common, and the numbers that fit to it. */
interface Hooked extends Pick<Hook, 'net_ns' | 'family' | 'hook' | 'device'> {
  entries: bigint
  /** Pairs of NFPROTO_* and hook number with which a function may be registered here. */
  fits: readonly (readonly [pf: number, number: number])[]
}

/** The hook functions of all namespaces and their devices, each hook's in the order in which they are called. */
export function readHooks(kernel: Kernel): Hook[] {
  const hooked = everyHooked(kernel)
  const batch = kernel
    .at(
      hooked.map(({ entries }) => entries),
      ENTRIES,
    )
    .select({}, { called: CALLED, registered: REGISTERED })
  const called = batch.child('called')
  const registrations = registrationsBySlot(batch.child('registered'))
  const places = kernel.resolve(Array.from({ length: called.length }, (_, row) => functionOf(called, row)))
  const byHooked = called.byParent()
  const hooks = hooked.flatMap((where, at) =>
    (byHooked.get(at) ?? []).map((row, position) => {
      const registration = registrations.get(slot(at, position))
      const [address, place] = [functionOf(called, row), places[row] ?? null]
      return hookOf(where, { position, address, place, private: called.column('private').bigint(row) }, registration)
    }),
  )
  const strays = hooks.filter((hook) => hook === null).length
  if (strays > 0) kernel.warn({ code: 'torn', message: 'a hook is neither registered nor code', count: strays })
  return hooks.filter((hook) => hook !== null)
}

/** Null for memory that was given to something else meanwhile: there is neither a function nor who registered one. */
function hookOf(
  { entries: _, fits, ...where }: Hooked,
  called: Pick<Hook, 'position' | 'address' | 'place' | 'private'>,
  registration: Registration | undefined,
): Hook | null {
  const own = fits.some(([pf, number]) => registration?.pf === pf && registration.number === number)
  if (!own && called.place === null) return null
  return {
    ...where,
    ...called,
    family: own && where.device !== null && registration?.pf === INET ? 'inet' : where.family,
    priority: own ? (registration?.priority ?? null) : null,
    registered: own ? (registration?.hook ?? null) : null,
  }
}

function functionOf(called: Batch<(typeof CALLED)['select']>, row: number): bigint {
  return called.column('hook').bigint(row) ?? 0n
}

/** Every place that has functions, in the order of namespaces. */
function everyHooked(kernel: Kernel): Hooked[] {
  const nets = kernel.list('net_namespace_list', 'struct net', 'list').select(NET, { devices: DEVICES })
  const devices = nets.child('devices')
  const byNet = devices.byParent()
  const hooked: Hooked[] = []
  for (let net = 0; net < nets.length; net++) {
    const net_ns = nets.column('inode').number(net)
    for (const { family, member, pf, hooks } of FAMILIES) {
      for (const [number, hook] of hooks.entries()) {
        const entries = nets.column(`${member}${number}`).bigint(net) ?? 0n
        // What is registered for the family inet is in the lists of both IP versions.
        const fits = [pf, INET].map((pf) => [pf, number] as const)
        if (entries !== 0n) hooked.push({ net_ns, family, hook, device: null, entries, fits })
      }
    }
    for (const row of byNet.get(net) ?? []) {
      for (const [number, hook] of DEVICE_HOOKS.entries()) {
        const entries = devices.column(hook).bigint(row) ?? 0n
        const fits = [[NETDEV, number] as const, [INET, INET_INGRESS] as const]
        const device = devices.column('name').text(row)
        if (entries !== 0n) hooked.push({ net_ns, family: 'netdev', hook, device, entries, fits })
      }
    }
  }
  return hooked
}

/** What was registered, in the words of `struct nf_hook_ops`. */
interface Registration {
  hook: bigint | null
  pf: number | null
  number: number | null
  priority: number | null
}

function slot(hooked: number, position: number): number {
  return hooked * MOST_HOOKS + position
}

function registrationsBySlot(batch: Batch<(typeof REGISTERED)['select']>): Map<number, Registration> {
  const registrations = new Map<number, Registration>()
  for (let row = 0; row < batch.length; row++) {
    registrations.set(slot(batch.parents[row] ?? 0, batch.column('position').number(row) ?? 0), {
      hook: batch.column('hook').bigint(row),
      pf: batch.column('pf').number(row),
      number: batch.column('number').number(row),
      priority: batch.column('priority').number(row),
    })
  }
  return registrations
}
