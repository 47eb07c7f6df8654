/** Drift of the shared images' containers: what was planted in them is all that differs from what was declared. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

interface Planted {
  name: string
  container?: string
  pids?: number[]
}

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has nothing but what was planted', () => {
      const planted = image.truth<Planted[]>('planted.json')
      const { rows } = table('drift', image.as('elf'))
      const touched = new Set(planted.flatMap(({ container }) => container ?? []))
      expect(rows.length).toBeGreaterThan(10)
      expect([...new Set(rows.map((row) => row.container_name))].filter((name) => !touched.has(String(name)))).toEqual(
        [],
      )
      expect(rows.filter(({ aspect }) => aspect === 'declaration')).toEqual([])
    })

    it('shows who left its namespaces, and programs that are not from the image', () => {
      const planted = new Map(image.truth<Planted[]>('planted.json').map((each) => [each.name, each.pids ?? []]))
      const { rows } = table('drift', image.as('elf'))
      const of = (pid: number) => rows.filter((row) => row.pid === pid)
      for (const pid of [...(planted.get('escape-nsenter') ?? []), ...(planted.get('nsenter-host-sleep') ?? [])]) {
        expect(of(pid)).toContainEqual(expect.objectContaining({ aspect: 'namespace', name: 'mnt', weaker: true }))
      }
      const programs = ['memfd', 'miner-name', 'deleted-exe-miner', 'memfd-exec', 'rwx-mapping']
      for (const pid of programs.flatMap((name) => planted.get(name) ?? [])) {
        expect(of(pid)).toContainEqual(expect.objectContaining({ aspect: 'executable', declared: 'from the image' }))
      }
    })
  })
}
