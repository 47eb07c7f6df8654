import { defineRule, detailText, fromOption, lacksRecords, need, quote } from 'salvor'
import evidence from '../../containers/evidence.js'

export default defineRule({
  name: 'connection-not-allowed',
  title: 'A connection that the allow-list or network policy does not cover',
  means:
    'Somebody talks with an address or port that nothing here is meant to talk with: policies are not in force, the list ' +
    'is not whole, or it is an attacker’s.',
  next: [
    'See in sockets who holds the connection, and whose address the other end is',
    'Look for what was not read yet of it in socket-queues',
    'Add it to the list where it is yours',
  ],
  tactic: 'command-and-control',
  attack: ['T1071'],
  severity: 'medium',
  confidence: 'medium',
  reads: { evidence: need(evidence, { evidence: fromOption('evidence') }) },
  lacks: ({ evidence }) => lacksRecords(evidence, ['allowed'], 'what may be talked to'),
  *find({ evidence }) {
    const told = new Set<string>()
    for (const row of evidence.where('kind', 'connection')) {
      // Several connections of one process to one service are one finding.
      const key = JSON.stringify([
        row.container,
        Number(row.pid ?? -1),
        detailText(row, 'address'),
        row.subject?.split(':').at(-1),
      ])
      if (row.state !== 'memory only' || told.has(key)) continue
      told.add(key)
      yield {
        about: row,
        summary: `${quote(row.subject)} ${detailText(row, 'way') === 'in' ? 'came in' : 'went out'} and is not covered by ${quote(row.source)}`,
        evidence: [row],
      }
    }
  },
})
