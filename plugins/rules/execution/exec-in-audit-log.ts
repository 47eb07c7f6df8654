import { defineRule, detailText, detailTexts, fromOption, lacksRecords, need, quote } from 'salvor'
import evidence from '../../containers/evidence.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'exec-in-audit-log',
  title: 'A process is what somebody asked the API server to execute in a pod',
  means:
    'The audit log of the API server names the user and the address behind a process that still runs in a container.',
  next: [
    'Ask the user whether it was they, and see what else the address did in the audit log',
    'Read what was typed in shell-history, and what was started in process-tree',
  ],
  tactic: 'execution',
  attack: ['T1609'],
  kubernetes: ['MS-TA9006'],
  severity: 'medium',
  confidence: 'high',
  reads: { evidence: need(evidence, { evidence: fromOption('evidence') }), processes: need(processes) },
  lacks: ({ evidence }) => lacksRecords(evidence, ['covered'], 'requests to the API server'),
  *find({ evidence, processes }) {
    for (const row of evidence.where('kind', 'exec')) {
      if (row.state !== 'both') continue
      const [user, from] = [quote(row.subject), quote(detailText(row, 'from'))]
      yield {
        about: row,
        summary: `${user} asked from ${from} for ${quote(detailTexts(row, 'command'))}, which started this process`,
        evidence: [row, ...(row.pid === null ? [] : processes.where('pid', row.pid))],
      }
    }
  },
})
