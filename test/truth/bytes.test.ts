/** Bytes of kernel objects against what the guests recorded of the same things. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Kernel } from '../../dist/src/kernel/kernel.js'
import { bytes, list, text } from '../../dist/src/kernel/query.js'
import { sharedImages } from './images.js'

interface Link {
  ifname: string
  address: string
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    let kernel: Kernel
    const warnings: string[] = []
    beforeAll(() => {
      if (image.missing) return
      kernel = Kernel.attach(Kernel.open(image.as('elf'), { cacheDir: null }).id, ({ message }) =>
        warnings.push(message),
      )
    })
    afterAll(() => kernel?.close())

    it('reads the link-layer address of every network interface', () => {
      const networks = kernel.list('net_namespace_list', 'struct net', 'list').select(
        { inode: 'ns.inum' },
        {
          links: {
            walk: list('dev_base_head', 'struct net_device', 'dev_list'),
            select: { name: text('name'), address: bytes('dev_addr', { length: 'addr_len' }) },
          },
        },
      )
      const links = networks.child('links')
      const rows = links.byParent()
      let compared = 0
      for (const [parent, inode] of [...networks].map(({ inode }) => inode).entries()) {
        if (!existsSync(join(image.folder, 'truth', 'net', `${inode}`, 'link.json'))) continue
        const truth = image.truth<Link[]>(`net/${inode}/link.json`).map(({ ifname, address }) => [ifname, address])
        const read = (rows.get(parent) ?? []).map((row) => {
          const address = links.column('address').bytes(row) ?? []
          return [
            links.column('name').text(row),
            [...address].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
          ]
        })
        expect(read.sort()).toEqual(truth.sort())
        compared += read.length
      }
      expect(compared).toBeGreaterThan(10)
      expect(warnings).toEqual([])
    })
  })
}
