/** Bytes that interfaces received and sent: each driver counts in a place of its own (dev_get_stats, net/core/dev.c). */

import type { Kernel } from './kernel.js'
import { NET_DEVICE } from './objects.js'
import {
  array,
  constantName,
  type Nested,
  obeys,
  object,
  optional,
  type Paths,
  perCpuCopies,
  symbolAt,
} from './query.js'
import type { Rule } from './rule.js'

/** Bytes of an interface; null where its driver counts in a way that is not known. */
export interface Counters {
  rx_bytes: bigint | null
  tx_bytes: bigint | null
}

/** What a driver has behind a device, which is of whole cache lines (netdev_priv, include/linux/netdevice.h). */
export const DEVICE_PRIVATE = 'container_of(name, struct net_device, name)[1]'
const VIRTIO = `((virtio_net:struct virtnet_info *)${DEVICE_PRIVATE})`
const VETH = `((veth:struct veth_priv *)${DEVICE_PRIVATE})`
/**
 * Behind the `struct napi_struct` that the first of a veth's rings begins with, where a module describes none of its types:
 * the device, its program, what memory that has, then what was counted (drivers/net/veth.c, 5.10).
 */
const RING = `((unsigned long *)((struct napi_struct *)((unsigned long *)${DEVICE_PRIVATE})[3])[1])`
/** A ring, the only one, at which nothing was ever counted: what it counts stands in an order of each kernel's own. */
const UNUSED_RING: readonly Rule[] = [
  { path: 'num_rx_queues', is: { at_most: 1 } },
  { path: `${RING}[0]`, is: 'own' },
  ...[3, 4, 5].map((at) => ({ path: `${RING}[${at}]`, is: { at_most: 0 } })),
]
const BRIDGE = `((bridge:struct net_bridge *)${DEVICE_PRIVATE})`
/**
 * The other end of a veth: the first member of its struct veth_priv (drivers/net/veth.c), which older modules do not
 * describe.
 */
export const VETH_PEER = `((struct net_device *)((unsigned long *)${DEVICE_PRIVATE})[0])`
/** Queues of a device; more are damage. */
const MOST_QUEUES = 4096

/** A number; in newer kernels, type by type, a `u64_stats_t`. */
const number = (member: string): Paths => [member, `${member}.v.a.a.counter`, `${member}.v.a.counter`]
const both = { rx: number('rx_bytes'), tx: number('tx_bytes') }
const queues = (of: string) => array(of, { count: `${VIRTIO}->max_queue_pairs`, most: MOST_QUEUES })

const LOCAL = perCpuCopies('lstats', 'struct pcpu_lstats')
const TUNNEL = 'struct pcpu_sw_netstats'

/** Where bytes are counted, received and sent. */
const PLACES = {
  stats: { walk: object('stats'), select: { rx: 'rx_bytes', tx: 'tx_bytes' } },
  lstats: { walk: LOCAL, select: { tx: number('bytes') } },
  tstats: { walk: perCpuCopies('tstats', TUNNEL), select: both },
  dstats: { walk: perCpuCopies('dstats', 'struct pcpu_dstats'), optional: true, select: both },
  bridge: { walk: perCpuCopies(`${BRIDGE}->stats`, TUNNEL), optional: true, select: both },
  virtio_received: { walk: queues(`${VIRTIO}->rq`), optional: true, select: { rx: number('stats.bytes') } },
  virtio_sent: { walk: queues(`${VIRTIO}->sq`), optional: true, select: { tx: number('stats.bytes') } },
  /** What a veth took from its own rings, as it does with XDP or GRO. */
  polled: {
    walk: array(`${VETH}->rq`, { count: 'num_rx_queues', most: MOST_QUEUES }),
    optional: true,
    select: { rx: ['stats.vs.xdp_bytes', 'stats.xdp_bytes'] },
  },
} as const satisfies Record<string, Nested>

type Place = keyof typeof PLACES
type Way = 'rx' | 'tx'

/** A part of what a device counts: what a place has of a device. */
type Part = readonly [place: Place, way: Way, device: bigint]
type Parts = Readonly<Record<Way, readonly Part[]>>

/** How a driver counts, given the device and, of a veth, its other end. */
type Counting = (device: bigint, peer: bigint) => Parts

const inPlaces =
  (...places: Place[]): Counting =>
  (device) => ({
    rx: places.map((place) => [place, 'rx', device] as const),
    tx: places.map((place) => [place, 'tx', device] as const),
  })

/** NETDEV_PCPU_STAT_* (include/linux/netdevice.h): how a device counts for which a driver has no function. */
const BY_TYPE: Readonly<Record<string, Counting>> = {
  NETDEV_PCPU_STAT_TSTATS: inPlaces('tstats', 'stats'),
  NETDEV_PCPU_STAT_DSTATS: inPlaces('dstats', 'stats'),
}

/** By the driver's `ndo_get_stats64`. */
const BY_FUNCTION: Readonly<Record<string, Counting>> = {
  // What is sent there is received.
  loopback_get_stats64: (device) => ({ rx: [['lstats', 'tx', device]], tx: [['lstats', 'tx', device]] }),
  dummy_get_stats64: (device) => ({ rx: [], tx: [['lstats', 'tx', device]] }),
  dev_get_tstats64: inPlaces('tstats', 'stats'),
  ip_tunnel_get_stats64: inPlaces('tstats', 'stats'),
  br_get_stats64: inPlaces('bridge'),
  virtnet_stats: (device) => ({ rx: [['virtio_received', 'rx', device]], tx: [['virtio_sent', 'tx', device]] }),
  // Whoever sends counts, but not what the other end takes from its rings.
  veth_get_stats64: (device, peer) => ({
    rx: [
      ['lstats', 'tx', peer],
      ['polled', 'rx', device],
    ],
    tx: [
      ['lstats', 'tx', device],
      ['polled', 'rx', peer],
    ],
  }),
}
/** A veth of NETDEV_PCPU_STAT_TSTATS: one counts as received only what BPF programs redirect to it. */
const VETH_REDIRECTED: Counting = (device, peer) => ({
  rx: [
    ['tstats', 'tx', peer],
    ['tstats', 'rx', device],
    ['polled', 'rx', device],
  ],
  tx: [
    ['tstats', 'tx', device],
    ['polled', 'rx', peer],
  ],
})

/** Counters by device. `peers` has the other ends of veths, by the device. */
export function readCounters(
  kernel: Kernel,
  devices: Iterable<bigint>,
  peers: ReadonlyMap<bigint, bigint>,
): Map<bigint, Counters> {
  const batch = kernel.at(devices, NET_DEVICE).select({
    by: symbolAt('netdev_ops->ndo_get_stats64'),
    newer: 'netdev_ops->ndo_get_stats64',
    older: 'netdev_ops->ndo_get_stats',
    type: optional(constantName('pcpu_stat_type')),
  })
  const parts = new Map<bigint, Parts>()
  const unknown: string[] = []
  for (const { address, by, newer, older, type } of batch) {
    // A function that no symbol is known of is one all the same.
    const counting = countingOf(by, newer === 0 && older === 0, type)
    if (counting === null) unknown.push(by ?? '?')
    else parts.set(address, counting(address, peers.get(address) ?? 0n))
  }
  for (const by of new Set(unknown)) {
    const count = unknown.filter((other) => other === by).length
    kernel.warn({
      code: 'note',
      message: `bytes of interfaces are left out that ${by} counts in a way of its own`,
      count,
    })
  }
  const sums = readSums(kernel, [...parts.values()])
  const total = (own: readonly Part[]) =>
    own.reduce<bigint | null>((all, [place, way, device]) => {
      const part = sums.get(partKey(place, way, device)) ?? null
      return all === null || part === null ? null : all + part
    }, 0n)
  return new Map([...parts].map(([device, { rx, tx }]) => [device, { rx_bytes: total(rx), tx_bytes: total(tx) }]))
}

/** How a device counts, by dev_get_stats. */
function countingOf(by: string | null, bare: boolean, type: string | null): Counting | null {
  // A module's function has the module's name behind it.
  const [name = null] = by?.split(' ') ?? []
  if (name === 'veth_get_stats64' && type === 'NETDEV_PCPU_STAT_TSTATS') return VETH_REDIRECTED
  if (name !== null) return BY_FUNCTION[name] ?? null
  return bare ? (BY_TYPE[type ?? ''] ?? inPlaces('stats')) : null
}

/** What each part comes to, by its name. */
function readSums(kernel: Kernel, counted: readonly Parts[]): Map<string, bigint | null> {
  const asked = new Map<Place, Set<bigint>>()
  for (const [place, , device] of counted.flatMap(({ rx, tx }) => [...rx, ...tx])) {
    asked.set(place, (asked.get(place) ?? new Set()).add(device))
  }
  const sums = new Map<string, bigint | null>()
  for (const place of Object.keys(PLACES) as Place[]) {
    const nested: Nested = PLACES[place]
    const owners = kernel.at(asked.get(place) ?? [], NET_DEVICE).select({}, { counted: nested })
    const batch = owners.child('counted')
    for (const [row, owner] of batch.parents.entries()) {
      for (const way of Object.keys(nested.select)) {
        const key = partKey(place, way, owners.address(owner))
        const [known, more] = [sums.has(key) ? sums.get(key) : 0n, batch.column(way).bigint(row)]
        sums.set(key, known == null || more === null ? null : known + more)
      }
    }
  }
  const described = [...(asked.get('polled') ?? [])].some((device) => sums.has(partKey('polled', 'rx', device)))
  for (const device of described ? [] : unusedRings(kernel, asked.get('polled') ?? [])) {
    sums.set(partKey('polled', 'rx', device), 0n)
  }
  return sums
}

/** Which veths never took anything from their rings, as older kernels' do without XDP. */
function unusedRings(kernel: Kernel, devices: Iterable<bigint>): bigint[] {
  const batch = kernel
    .unheard()
    .at(devices, NET_DEVICE)
    .select({ unused: obeys(UNUSED_RING) })
  return [...batch].filter(({ unused }) => unused === 1).map(({ address }) => address)
}

const partKey = (place: string, way: string, device: bigint): string => `${place} ${way} ${device}`
