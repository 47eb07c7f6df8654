import { defineRule, detailText, fromOption, lacksRecords, need, quote } from 'salvor'
import evidence from '../../containers/evidence.js'

function isRunning(detail: unknown): boolean {
  return typeof detail === 'object' && detail !== null && 'running' in detail && detail.running === true
}

export default defineRule({
  name: 'listed-but-not-running',
  title: 'A container or pod that is listed as running is not in memory',
  means:
    'Engine or API hold it for running and memory has no process of it: it ended between the two, its cgroup was left, or ' +
    'what ran in it is hidden.',
  next: [
    'Compare the times of list and image first: a restart in between looks the same',
    'Look for its processes in process-scan, and for its cgroup in removed-containers',
    'See processes outside of any container that have its namespaces, in namespaces',
  ],
  tactic: 'defense-evasion',
  attack: ['T1564'],
  severity: 'medium',
  confidence: 'low',
  reads: { evidence: need(evidence, { evidence: fromOption('evidence') }) },
  lacks: ({ evidence }) => lacksRecords(evidence, ['container', 'pod'], 'containers or pods'),
  *find({ evidence }) {
    const missing = evidence.where('state', 'evidence only').filter(({ detail }) => isRunning(detail))
    const pods = new Set(missing.flatMap(({ kind, pod }) => (kind === 'pod' ? (pod ?? []) : [])))
    for (const row of missing) {
      // Its containers are missing with it.
      if (row.kind !== 'pod' && (row.kind !== 'container' || pods.has(row.pod ?? ''))) continue
      const state = detailText(row, 'memory_state')
      yield {
        about: row,
        summary: `the ${row.kind} ${quote(row.subject)} runs by ${quote(row.source)}, and in memory ${state === null ? 'nothing is known of it' : `it is ${state}`}`,
        evidence: [row],
      }
    }
  },
})
