/** What containers wrote and changed, against what was planted in them. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has lines of logs, each of the container that wrote it', () => {
      const { rows } = table('container-logs', image.as('elf'))
      const of = (name: string) => rows.filter(({ container_name }) => container_name === name)
      expect(rows.length).toBeGreaterThan(8)
      for (const row of rows) expect(row).toMatchObject({ time: expect.stringMatching(/^2026-11-2/), whole: true })
      if (image.name === 'docker-debian12') {
        expect(of('shop-cache-1').map(({ text }) => text)).toContainEqual(expect.stringContaining('Redis is starting'))
      } else {
        expect(of('log-tailer').map(({ text }) => text)).toContainEqual(expect.stringContaining('LAB-MARKER-k8s'))
        expect(of('report-mailer')).toContainEqual(expect.objectContaining({ text: 'cannot reach warehouse' }))
      }
    })

    it('has files that containers made or changed, and none of their images', () => {
      const { rows } = table('container-changes', image.as('elf'))
      const made = image.name === 'docker-debian12' ? '/tmp/.d' : '/tmp/xmrig'
      expect(rows.length).toBeGreaterThan(3)
      expect(rows.filter(({ path }) => `${path}`.startsWith(made)).length).toBeGreaterThan(0)
      expect(rows.filter(({ path }) => /^\/(?:usr|bin|lib)\//.test(`${path}`))).toEqual([])
    })
  })
}
