/** Interfaces against what ip showed in each namespace, and pairs of them on a copy in which one leads elsewhere. */

import { describe, expect, it } from 'vitest'
import { partialTable, sharedImages, table } from './images.js'
import { networkImages, networks } from './networks.js'
import { patchedCopy, word } from './patched.js'

interface Link {
  ifindex: number
  ifname: string
  flags: string[]
  mtu: number
  operstate: string
  address: string
  qdisc: string
  txqlen?: number
  promiscuity: number
  master?: string
  link_index?: number
  linkinfo?: { info_kind: string }
}

interface Addresses {
  ifname: string
  addr_info: { local: string; prefixlen: number }[]
}

/** Received and sent by interface, from /proc/net/dev. */
function counted(text: string): Map<string, [number, number]> {
  const lines = text.split('\n').filter((line) => line.includes(':'))
  return new Map(
    lines.map((line) => {
      const [name = '', numbers = ''] = line.split(':')
      const values = numbers.trim().split(/\s+/).map(Number)
      return [name.trim(), [values[0] ?? 0, values[8] ?? 0]]
    }),
  )
}

for (const image of networkImages()) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every interface as ip shows it, and none else', () => {
      const { rows } = table('interfaces', image.as(own))
      const found = new Map(rows.map((row) => [`${row.net_ns} ${row.index}`, row]))
      let known = 0
      for (const { inode, container, text, json } of networks(image)) {
        const bytes = counted(text('proc-dev.txt'))
        const addresses = new Map(json<Addresses[]>('addr.json').map(({ ifname, addr_info }) => [ifname, addr_info]))
        for (const link of json<Link[]>('link.json')) {
          known++
          const row = found.get(`${inode} ${link.ifindex}`)
          expect(row, `${inode} ${link.ifname}`).toMatchObject({
            container,
            name: link.ifname,
            kind: link.linkinfo?.info_kind ?? null,
            mac: link.address,
            mtu: link.mtu,
            flags: link.flags,
            state: link.operstate,
            qdisc: link.qdisc,
            queue_length: link.txqlen ?? 0,
            master: link.master ?? null,
            promiscuous: link.promiscuity > 0,
            peer_index: link.linkinfo?.info_kind === 'veth' ? link.link_index : null,
            addresses: (addresses.get(link.ifname) ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`),
          })
          // Traffic went on after the record.
          const [received, sent] = bytes.get(link.ifname) ?? [Number.NaN, Number.NaN]
          expect(row?.rx_bytes).toBeGreaterThanOrEqual(received)
          expect(row?.tx_bytes).toBeGreaterThanOrEqual(sent)
          expect(row?.rx_bytes).toBeLessThan(2 * received + (1 << 16))
          expect(row?.tx_bytes).toBeLessThan(2 * sent + (1 << 16))
        }
      }
      expect(rows).toHaveLength(known)
      expect(known).toBeGreaterThan(15)
    })

    it('joins both ends of every pair, across namespaces', () => {
      const { rows } = table('interfaces', image.as(own))
      const ends = rows.filter((row) => row.kind === 'veth')
      expect(ends.length).toBeGreaterThanOrEqual(10)
      for (const end of ends) {
        const peers = rows.filter((row) => row.net_ns === end.peer_net_ns && row.index === end.peer_index)
        expect(peers).toMatchObject([
          { name: end.peer_name, container: end.peer_container, peer_index: end.index, peer_net_ns: end.net_ns },
        ])
        // What one sends the other receives.
        expect(end.rx_bytes).toBe(peers[0]?.tx_bytes)
      }
    })
  })
}

for (const image of sharedImages()) {
  describe(`${image.title}, with an interface whose other end is another's`, () => {
    image.require()
    // A rule of pairs: the driver's own part lies behind the device, and begins with the other end.
    const behind = '((unsigned long *)container_of(name, struct net_device, name)[1])[0]'
    const copy = patchedCopy(image, (kernel, path) => {
      const veths = table('interfaces', path).rows.filter((row) => row.kind === 'veth')
      const [first, second] = veths.map(({ address }) =>
        word(kernel, BigInt(String(address)), 'struct net_device', behind),
      )
      if (first === undefined || second === undefined) throw new Error('there are no pairs')
      return [[first.at, first.value, second.value]]
    })

    it('believes neither, and says so', () => {
      const before = table('interfaces', image.as('elf'))
      const after = partialTable('interfaces', copy.path)
      const single = ({ rows }: typeof before) => rows.filter((row) => row.kind === 'veth' && row.peer_index === null)
      expect(single(before)).toEqual([])
      expect(before.warnings.filter(({ code }) => code === 'torn')).toEqual([])
      expect(single(after).length).toBe(2)
      expect(after.warnings.map(({ code }) => code)).toContain('torn')
    })
  })
}
