import { defineRule, detailNumber, detailText, fromOption, lacksRecords, need, quote, type Severity } from 'salvor'
import evidence from '../../containers/evidence.js'

/** GuardDuty's levels: below 4 low, below 7 medium, below 9 high, from there critical. */
function severityOf(level: number | null): Severity {
  if (level === null || level < 4) return 'low'
  return level < 7 ? 'medium' : level < 9 ? 'high' : 'critical'
}

export default defineRule({
  name: 'guardduty-confirmed',
  title: 'What GuardDuty found is in memory',
  means:
    'The process, connection, key or container of a finding of GuardDuty is in memory: what it says can be looked at.',
  next: [
    'Look at what the finding names in container, process-tree and sockets',
    'Write its program to a file with elf-dump, and hash it',
  ],
  tactic: 'execution',
  attack: ['T1059'],
  severity: 'high',
  confidence: 'high',
  reads: { evidence: need(evidence, { evidence: fromOption('evidence') }) },
  lacks: ({ evidence }) => lacksRecords(evidence, ['finding'], 'findings of GuardDuty'),
  *find({ evidence }) {
    for (const row of evidence.where('kind', 'finding')) {
      if (row.state !== 'both') continue
      const seen = detailText(row, 'seen')
      yield {
        about: row,
        severity: severityOf(detailNumber(row, 'severity')),
        // That its container is there says little of what was found in it.
        confidence: seen === 'container' ? 'low' : 'high',
        summary: `${quote(row.subject)}: the ${seen ?? 'object'} that it names is in memory`,
        evidence: [row],
      }
    }
  },
})
