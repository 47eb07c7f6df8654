import { defineRule, detailText, fromOption, lacksRecords, need, quote } from 'salvor'
import evidence from '../../containers/evidence.js'

function isWhole(detail: unknown): boolean {
  return typeof detail === 'object' && detail !== null && 'whole_list' in detail && detail.whole_list === true
}

export default defineRule({
  name: 'hidden-from-api',
  title: 'A container or pod runs that the list of the API or engine does not have',
  means:
    'Something runs on this host that whoever looks by kubectl, crictl or docker does not see: it was started past them, ' +
    'or taken out of their list. One that came or went between the list and the image looks the same.',
  next: [
    'Compare when it started, in containers, with when the list was made',
    'See who started it in process-tree, and what it was declared to be in container or pod',
    'Look for a second engine, and for calls that deleted it in the audit log of the API server',
  ],
  tactic: 'defense-evasion',
  attack: ['T1610', 'T1564'],
  severity: 'high',
  confidence: 'medium',
  reads: { evidence: need(evidence, { evidence: fromOption('evidence') }) },
  lacks: ({ evidence }) => lacksRecords(evidence, ['listing'], 'all containers or pods that there are'),
  *find({ evidence }) {
    for (const row of evidence.where('state', 'memory only')) {
      if (row.kind !== 'container' && row.kind !== 'pod') continue
      // What was asked for by name need not be all that there is.
      const chosen = !isWhole(row.detail)
      yield {
        about: row,
        ...(chosen ? { severity: 'medium' as const, confidence: 'low' as const } : {}),
        summary: `the ${row.kind} ${quote(row.subject)}, id ${quote(detailText(row, 'id'))}, runs and is not in ${quote(row.source)}`,
        evidence: [row],
      }
    }
  },
})
