import { defineRule, detailNumber, detailText, fromOption, lacksRecords, need, quote } from 'salvor'
import evidence from '../../containers/evidence.js'

/** Addresses that are named, and rows that are shown, of one key. */
const [MOST_NAMED, MOST_ROWS] = [5, 16]

export default defineRule({
  name: 'access-key-used',
  title: 'An access key in memory was used for calls that CloudTrail knows',
  means:
    'What holds the key, and who reached it, could do all that the key may do. Calls from several addresses are of several ' +
    'places that have it.',
  next: [
    'Compare the addresses with those that this host has outside',
    'Look at each call in evidence, and make the key invalid where one is not yours',
    'See in secrets who else holds it',
  ],
  tactic: 'credential-access',
  attack: ['T1552', 'T1078.004'],
  severity: 'medium',
  confidence: 'high',
  reads: { evidence: need(evidence, { evidence: fromOption('evidence') }) },
  lacks: ({ evidence }) => lacksRecords(evidence, ['key-use'], 'calls with access keys'),
  *find({ evidence }) {
    const used = evidence.where('kind', 'key-use').filter(({ state }) => state === 'both')
    for (const key of new Set(used.map(({ subject }) => subject))) {
      const rows = used.filter(({ subject }) => subject === key)
      const calls = rows.reduce((sum, row) => sum + (detailNumber(row, 'calls') ?? 1), 0)
      // A service of the cloud that acts for the caller has its name there.
      const from = [...new Set(rows.flatMap((row) => detailText(row, 'from') ?? []))].filter((one) =>
        /[\d:]$/.test(one),
      )
      yield {
        about: rows[0] ?? {},
        severity: from.length > 1 ? 'high' : 'medium',
        summary: `the key ${quote(key)} was used for ${calls} calls, from ${quote(from.slice(0, MOST_NAMED))}`,
        evidence: rows.slice(0, MOST_ROWS),
      }
    }
  },
})
