import { defineRule, need, quote } from 'salvor'
import removedContainers from '../../containers/removed-containers.js'

/** Rows that the finding names. */
const MOST = 50

export default defineRule({
  name: 'removed-container',
  title: 'Containers that were removed still have memory here',
  means:
    'Their processes and folders are gone, but files that they read or wrote are in the page cache. Jobs come and go so; an ' +
    'intruder wipes what he used.',
  next: ['See its files in removed-containers and write them out with extract', 'See in timeline when it was'],
  tactic: 'impact',
  attack: ['T1485', 'T1070.004'],
  kubernetes: ['MS-TA9038'],
  severity: 'info',
  confidence: 'low',
  reads: { removed: need(removedContainers) },
  *find({ removed }, known) {
    // One that the engine still knows has ended, but was not removed.
    const left = removed.rows.filter(({ container }) => container !== null && known.container(container) === undefined)
    const [first] = left
    if (first === undefined) return
    yield {
      summary: `${left.length} such: of ${quote(first.cgroup)} ${first.bytes ?? 'unknown'} bytes are left`,
      evidence: left.slice(0, MOST),
    }
  },
})
