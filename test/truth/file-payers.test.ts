/** Who pays for files, against what ran in which container. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()
    const of = () => table('file-payers', image.as('elf')).rows

    it('comes to what memory-by-owner counts of files', () => {
      const rows = of()
      expect(rows.length).toBeGreaterThan(500)
      const shares = table('memory-by-owner', image.as('elf')).rows.filter(({ kind }) => kind === 'page cache')
      const sum = (all: Record<string, unknown>[], cgroup: unknown) =>
        all.filter((row) => row.cgroup === cgroup).reduce((bytes, row) => bytes + Number(row.bytes), 0)
      const paying = shares.filter(({ cgroup }) => cgroup !== null)
      expect(paying.length).toBeGreaterThan(10)
      for (const { cgroup } of paying) expect(sum(rows, cgroup), `${cgroup}`).toBe(sum(shares, cgroup))
    })

    it('has whose process made a file or was the first to read it, and what was read of the host from a container', () => {
      const rows = of()
      const planted = image.truth<{ name: string; container?: string }[]>('planted.json')
      if (image.name === 'docker-debian12') {
        const [{ container } = {}] = planted.filter(({ name }) => name === 'memfd')
        expect(rows.find(({ path }) => path === '/memfd:cfg (deleted)')?.container_name).toBe(container)
        // What was copied in by the engine the engine has paid for.
        const copied = rows.filter(({ path }) => `${path}`.endsWith('/diff/tmp/.d'))
        expect(copied.length).toBeGreaterThan(2)
        expect(copied[0]).toMatchObject({ container: null, cgroup: '/system.slice/docker.service' })
      } else {
        const host = rows.filter(({ path, on_host }) => on_host && /^\/(?:usr\/bin|root)\//.test(`${path}`))
        const read = host.filter(({ container }) => container !== null)
        // Its processes left their mount namespace, and stayed in its cgroup.
        expect([...new Set(read.map(({ container_name }) => container_name))]).toEqual(['toolbox'])
        expect(read.map(({ path }) => path)).toEqual(expect.arrayContaining(['/usr/bin/crictl', '/root/.bashrc']))
      }
    })
  })
}
