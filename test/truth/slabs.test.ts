/** Caches of objects against the guests' own /proc/slabinfo. */

import { describe, expect, it } from 'vitest'
import { sharedImages, table } from './images.js'

describe.each(sharedImages())('$title', (image) => {
  image.require()

  it('has every cache in its order with its sizes, and about as many objects as there were', () => {
    const { rows, warnings } = table('slabs', image.as('elf'))
    const lines = image.text('raw/proc-slabinfo.txt').trim().split('\n').slice(2)
    const wanted = lines.map((line) => line.split(/\s+/))
    expect(wanted.length).toBeGreaterThan(80)
    expect(
      rows.map(({ name, object_size, objects_per_slab, pages_per_slab }) => [
        name,
        object_size,
        objects_per_slab,
        pages_per_slab,
      ]),
    ).toEqual(wanted.map(([name, , , size, objects, pages]) => [name, Number(size), Number(objects), Number(pages)]))
    // What the recorder did itself changed some of them before the stop.
    const near = rows.filter(({ active, objects }, row) => {
      const [, inUse, room] = (wanted[row] ?? []).map(Number)
      const isNear = (found: unknown, recorded = 0) => Math.abs(Number(found) - recorded) <= recorded / 10 + 64
      return isNear(active, inUse) && isNear(objects, room)
    })
    expect(near.length).toBeGreaterThan(rows.length * 0.9)
    expect(warnings).toEqual([])
  })
})
