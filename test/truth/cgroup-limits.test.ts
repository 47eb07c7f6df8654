/** Limits and use of every cgroup against what the guests read from memory.max, pids.max and memory.current. */

import { describe, expect, it } from 'vitest'
import { partialTable, sharedImage, sharedImages, table } from './images.js'
import { patchedCopy, word } from './patched.js'

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

describe('what a controller keeps, where it names another cgroup', () => {
  // Samples have no pages of what controllers keep.
  const image = sharedImage('docker-debian12')
  image.require()
  const torn = { address: '', other: '' }
  const copy = patchedCopy(image, (kernel, path) => {
    const [one, other] = table('cgroup-limits', path).rows.filter(({ pids_used }) => pids_used !== null)
    Object.assign(torn, { address: one?.address, other: other?.address })
    const named = word(kernel, BigInt(torn.address), 'struct cgroup', 'subsys[pids_cgrp_id]->cgroup')
    return [[named.at, named.value, BigInt(torn.other)]]
  })

  it('is not what this one uses and may use', () => {
    const { rows, warnings } = partialTable('cgroup-limits', copy.path)
    const row = rows.find(({ address }) => address === torn.address)
    expect(row).toMatchObject({ pids_used: null, pids_limit: null, memory_used: expect.anything() })
    expect(rows.find(({ address }) => address === torn.other)).toMatchObject({ pids_used: expect.anything() })
    expect(warnings).toMatchObject([{ code: 'torn', count: 1, address: torn.address }])
  })
})
