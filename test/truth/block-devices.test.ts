/** Block devices against lsblk of the guests themselves. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

interface Listed {
  name: string
  'maj:min': string
  rm: boolean
  ro: boolean
  size: number
  type: string
  mountpoints: (string | null)[]
  children?: Listed[]
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has every device that lsblk has, and others only where there is nothing in them', () => {
      const { rows, warnings } = table('block-devices', image.as('elf'))
      const { blockdevices } = image.truth<{ blockdevices: Listed[] }>('raw/lsblk.json')
      expect(blockdevices.length).toBeGreaterThan(1)
      for (const { name, rm, ro, size, type, mountpoints, ...listed } of blockdevices) {
        const row = rows.find((each) => each.name === name)
        expect(row, name).toMatchObject({ device: listed['maj:min'], size, type, removable: rm, read_only: ro })
        expect(row?.mount_points).toEqual(mountpoints.filter((point) => point !== null))
      }
      const known = new Set(blockdevices.map(({ name }) => name))
      expect(rows.filter(({ name, size }) => !known.has(String(name)) && size !== 0)).toEqual([])
      expect(warnings).toEqual([])
    })

    it('tells of nothing encrypted where nothing is', () => {
      const { rows, warnings } = table('disk-encryption', image.as('elf'))
      expect({ rows, warnings }).toEqual({ rows: [], warnings: [] })
    })
  })
}
