/** Limits and use of every cgroup against what the guests read from memory.max, pids.max and memory.current. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

type Recorded = Record<string, Record<string, string>>

const limit = (text: string) => (text === 'max' ? null : Number(text))

for (const image of sharedImages()) {
  describe(image.title, () => {
    image.require()

    it('has the limits of every cgroup, and what most of them use', () => {
      const recorded = image.truth<Recorded>('cgroups.json')
      const { rows } = table('cgroup-limits', image.as('elf'))
      let [limited, same, compared] = [0, 0, 0]
      for (const { path, memory_limit, memory_used, pids_limit } of rows) {
        const told = recorded[`/sys/fs/cgroup${path === '/' ? '' : path}`] ?? {}
        if (told['memory.max'] === undefined || told['pids.max'] === undefined) continue
        expect([path, memory_limit, pids_limit]).toEqual([path, limit(told['memory.max']), limit(told['pids.max'])])
        if (memory_limit !== null) limited++
        compared++
        if (memory_used === Number(told['memory.current'])) same++
      }
      expect(compared).toBeGreaterThan(40)
      expect(limited).toBeGreaterThan(0)
      // The host's own services went on.
      expect(same / compared).toBeGreaterThan(0.6)
    })
  })
}
