/** The timeline has every date of the tables that it is made from, in order. */

import { describe, expect, it } from 'vitest'
import { samples, sharedImages, table } from './images.js'

/** The sample that was made when the tables of the timeline were there. */
const sampled = samples().filter((image) => image.has('timers.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const [own = 'lime'] = image.formats
  describe(image.title, () => {
    image.require()

    it('is in order, and has each start of a process with its container', () => {
      const { rows } = table('timeline', image.as(own))
      const times = rows.map(({ time }) => String(time))
      expect(times).toEqual([...times].sort())
      const started = table('processes', image.as(own)).rows.filter(({ started }) => started !== null)
      expect(started.length).toBeGreaterThan(50)
      const key = (time: unknown, pid: unknown, container: unknown) => `${time} ${pid} ${container}`
      const known = rows
        .filter((row) => row.event === 'process started')
        .map((row) => key(row.time, row.pid, row.container))
      expect(known.sort()).toEqual(started.map((row) => key(row.started, row.pid, row.container)).sort())
    })
  })
}
