import { defineRule, detailNumber, detailTexts, fromOption, lacksRecords, need, quote } from 'salvor'
import evidence from '../../containers/evidence.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'exec-without-audit-record',
  title: 'A process came into a pod from outside and the audit log knows of no exec',
  means:
    'Whoever started it did not ask the API server: by the engine on the node, by nsenter, or by the kubelet itself. Probes ' +
    'of the kubelet come so too and stay for moments.',
  next: [
    'See in process-tree who started it, and in ssh-sessions who was on the node',
    'Look in sockets for connections to the kubelet’s port 10250 at that time',
    'Check that the audit policy logs pods/exec, and that the log is of every API server',
  ],
  tactic: 'execution',
  attack: ['T1609'],
  severity: 'high',
  confidence: 'medium',
  reads: { evidence: need(evidence, { evidence: fromOption('evidence') }), processes: need(processes) },
  lacks: ({ evidence }) => lacksRecords(evidence, ['covered'], 'requests to the API server'),
  *find({ evidence, processes }) {
    for (const row of evidence.where('kind', 'exec')) {
      if (row.state !== 'memory only') continue
      // A log without any exec may be one that does not record them.
      const silent = (detailNumber(row, 'execs_logged') ?? 0) === 0
      yield {
        about: row,
        ...(silent ? { severity: 'medium' as const, confidence: 'low' as const } : {}),
        summary: `${quote(detailTexts(row, 'args'))} was started in the container at ${row.time ?? 'a time that is unknown'}, and no request for it is logged`,
        evidence: [row, ...(row.pid === null ? [] : processes.where('pid', row.pid))],
      }
    }
  },
})
