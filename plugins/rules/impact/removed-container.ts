import { defineRule, need, quote } from 'salvor'
import removedContainers from '../../containers/removed-containers.js'

export default defineRule({
  name: 'removed-container',
  title: 'A container that was removed still has memory here',
  means:
    'Its processes and its folder are gone, but files that it read or wrote are in the page cache. Jobs come and go so; an ' +
    'intruder wipes what he used.',
  next: ['See its files in removed-containers and write them out with extract', 'See in timeline when it was'],
  tactic: 'impact',
  attack: ['T1485', 'T1070.004'],
  kubernetes: ['MS-TA9038'],
  severity: 'info',
  confidence: 'low',
  reads: { removed: need(removedContainers) },
  *find({ removed }, known) {
    for (const row of removed.rows) {
      // One that the engine still knows has ended, but was not removed.
      if (row.container === null || known.container(row.container) !== undefined) continue
      const [file] = row.files ?? []
      yield {
        about: { container: row.container },
        summary: `${row.bytes ?? 'Unknown'} bytes are left of ${quote(row.cgroup)}${file === undefined ? '' : `, of ${quote(file)} among others`}`,
        evidence: [row],
      }
    }
  },
})
