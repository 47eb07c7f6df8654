/** IPVS, which no guest uses: a copy of one's memory is given its types, a service by address and one by mark. */

import { describe, expect, it } from 'vitest'
import type { Kernel } from '../../dist/src/kernel/kernel.js'
import { addressOf, type Paths } from '../../dist/src/kernel/query.js'
import { sharedImage, sharedImages, table } from './images.js'
import { type Patch, patchedCopy } from './patched.js'
import { disguised, forge, forgery, type Members, overwritten, renamed } from './planted-modules.js'

const HOST = 4_026_531_840
const [SERVICE, DESTINATION] = ['ip_vs:struct ip_vs_service', 'ip_vs:struct ip_vs_dest']
/** Data of kvm's that is as large as a table, and what it is called then. */
const TABLES = [
  ['print_fmt_kvm_exit', 'ip_vs_svc_table'],
  ['print_fmt_kvm_nested_vmexit', 'ip_vs_svc_fwm_table'],
] as const
const BUCKETS = 256

const types = (kernel: Kernel): Patch[] => [
  ...disguised(kernel, 'kvm', 'ip_vs'),
  ...TABLES.flatMap(([data, name]) => renamed(kernel, 'kvm', data, name)),
]

/** What is read as a number is as the network has it. */
const port = (number: number) => ((number & 255) << 8) | (number >> 8)
const ip = (address: string) => Buffer.from(address.split('.').map(Number)).readUInt32LE(0)

function services(kernel: Kernel): Patch[] {
  const scratch = forgery(kernel, 0x2000)
  const place = (at: number) => scratch.base + BigInt(at)
  const [byAddress, byMark, first, second] = [place(0), place(0x200), place(0x400), place(0x600)] as const
  const [net, scheduler, name] = [place(0x800), place(0x1200), place(0x1300)] as const
  const at = (object: bigint, type: string, path: Paths) =>
    kernel
      .at([object], type)
      .select({ at: addressOf(path) })
      .column('at')
      .bigint(0) ?? 0n
  const make = (object: bigint, type: string, members: Members) => forge(kernel, scratch, object, type, members)
  const [list, link] = [
    (service: bigint) => at(service, SERVICE, 'destinations'),
    (one: bigint) => at(one, DESTINATION, 'n_list'),
  ]
  const ring = (path: string, next: bigint, prev: bigint): Members => [
    [`${path}.next`, 8, next],
    [`${path}.prev`, 8, prev],
  ]
  scratch.write(name, Buffer.from('wrr\0'))
  make(scheduler, 'ip_vs:struct ip_vs_scheduler', [['name', 8, name]])
  make(net, 'ip_vs:struct netns_ipvs', [['net', 8, kernel.address('init_net') ?? 0n]])
  const common: Members = [
    ['af', 2, 2],
    ['ipvs', 8, net],
    ['scheduler', 8, scheduler],
  ]
  make(byAddress, SERVICE, [
    ...common,
    ...ring('destinations', link(first), link(second)),
    ['protocol', 2, 6],
    ['addr.ip', 4, ip('10.96.0.10')],
    ['port', 2, port(80)],
    ['flags', 4, 1],
    // Ticks, of which there are 250 in a second.
    ['timeout', 4, 10_800 * 250],
  ])
  make(byMark, SERVICE, [...common, ...ring('destinations', list(byMark), list(byMark)), ['fwmark', 4, 77]])
  const answers = (one: bigint, address: string, next: bigint, prev: bigint, rest: Members) =>
    make(one, DESTINATION, [
      ...ring('n_list', next, prev),
      ...([
        ['af', 2, 2],
        ['svc', 8, byAddress],
        ['addr.ip', 4, ip(address)],
        ['port', 2, port(8080)],
      ] as const),
      ...rest,
    ])
  answers(first, '172.30.0.2', link(second), list(byAddress), [
    ['weight.counter', 4, 3],
    ['activeconns.counter', 4, 5],
    ['totalconns.counter', 4, 9],
  ])
  answers(second, '203.0.113.9', list(byAddress), link(first), [['conn_flags.counter', 4, 0x103]])
  const tables = TABLES.map(([, name]) => kernel.symbolAddress(name) ?? 0n)
  const links = [at(byAddress, SERVICE, 's_list'), at(byMark, SERVICE, 'f_list')]
  return [
    ...scratch.patches(),
    ...tables.flatMap((table, which) => {
      const heads = Buffer.alloc(8 * BUCKETS)
      heads.writeBigUInt64LE(links[which] ?? 0n, 8 * (17 + which))
      return overwritten(kernel, table, heads)
    }),
  ]
}

describe.each(sharedImages())('$title', (image) => {
  image.require()

  it('has no services where the guest has none', () => {
    const { rows, warnings } = table('ipvs-services', image.as('elf'))
    expect(rows).toEqual([])
    expect(warnings).toEqual([])
  })
})

describe('services of IPVS', () => {
  const image = sharedImage('docker-debian12')
  image.require()
  const copy = patchedCopy(image, types, services)

  it('are there with their destinations, and those with who answers', () => {
    const { rows, warnings } = table('ipvs-services', copy.path)
    const service = { net_ns: HOST, container: null, scheduler: 'wrr', mark: null }
    const called = { ...service, protocol: 'tcp', virtual_address: '10.96.0.10', port: 80, persistence: 10_800 }
    expect(rows).toMatchObject([
      { ...called, destination: '172.30.0.2', destination_port: 8080, target_container_name: 'shop-web-1' },
      { ...called, destination: '203.0.113.9', forwarding: 'Route', weight: 0, target_container: null },
      { ...service, mark: 77, protocol: null, virtual_address: null, port: null, destination: null, weight: null },
    ])
    expect(rows[0]).toMatchObject({ forwarding: 'Masq', weight: 3, active: 5, inactive: 4 })
    expect(warnings).toEqual([])
  })

  it('are published ports', () => {
    const { rows } = table('published-ports', copy.path)
    expect(rows.filter(({ found_by }) => `${found_by}` === 'ipvs')).toMatchObject([
      { address: '10.96.0.10', port: 80, target: '172.30.0.2', target_port: 8080, target_container_name: 'shop-web-1' },
      { address: '10.96.0.10', port: 80, target: '203.0.113.9', target_port: 8080, target_container: null },
    ])
  })
})
