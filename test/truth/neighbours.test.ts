/** Neighbours against what ip showed in each namespace. */

import { describe, expect, it } from 'vitest'
import { table } from './images.js'
import { networkImages, networks } from './networks.js'

interface TruthNeighbour {
  dst: string
  dev: string
  lladdr?: string
  state: string[]
  router?: null
}

/** States that timers lead from one to another; others are kept. */
const TIMED = ['REACHABLE', 'STALE', 'DELAY', 'PROBE', 'FAILED', 'INCOMPLETE']

for (const image of networkImages()) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('has every neighbour that ip shows, and others only where nothing is to be resolved', () => {
      const { rows } = table('neighbours', image.as(own))
      const key = (net: unknown, ip: unknown, device: unknown) => `${net} ${ip} ${device}`
      const found = new Map(rows.map((row) => [key(row.net_ns, row.ip, row.interface), row]))
      expect(found.size).toBe(rows.length)
      const known = new Set<string>()
      for (const { inode, container, json } of networks(image)) {
        for (const { dst, dev, lladdr, state, router } of json<TruthNeighbour[]>('neigh.json')) {
          known.add(key(inode, dst, dev))
          const row = found.get(key(inode, dst, dev))
          expect(row, `${inode} ${dst}`).toMatchObject({
            container,
            mac: lladdr,
            flags: router === null ? ['router'] : [],
          })
          expect(TIMED.includes(String(row?.state)) ? TIMED : [row?.state]).toContain(state[0])
        }
      }
      expect(known.size).toBeGreaterThanOrEqual(7)
      const spare = rows.filter((row) => !known.has(key(row.net_ns, row.ip, row.interface)) && row.state !== 'NOARP')
      expect(spare).toEqual([])
    })
  })
}
