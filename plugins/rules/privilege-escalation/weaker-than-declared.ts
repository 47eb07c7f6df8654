import { append, defineRule, need, quoteSome } from 'salvor'
import drift from '../../containers/drift.js'

/** Namespaces of the host are told of by namespace-escape, capabilities by gained-capabilities, covers by masked-path-replaced. */
const TOLD_ELSEWHERE = new Set(['namespace', 'capabilities', 'masked-path'])

export default defineRule({
  name: 'weaker-than-declared',
  title: 'A container is held by less than was declared',
  means:
    'Its filter of system calls, its devices, its profile or its mounts let through more than what the runtime was told to ' +
    'enforce. A runtime that was tricked leaves that, who changed the kernel does, and so does an administrator who loosens ' +
    'a limit of a running container.',
  next: [
    'Compare both sides in drift, and see in process-tree whether the process came from outside',
    'Look in kernel-hooks, modules and bpf-programs for what could have changed it',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611', 'T1562.001'],
  severity: 'medium',
  confidence: 'medium',
  reads: { drift: need(drift) },
  *find({ drift }) {
    const byProcess = new Map<string, (typeof drift.rows)[number][]>()
    for (const row of drift.where('weaker', true)) {
      if (row.aspect !== null && !TOLD_ELSEWHERE.has(row.aspect)) append(byProcess, `${row.container} ${row.pid}`, row)
    }
    for (const rows of byProcess.values()) {
      const [first] = rows
      if (first === undefined) continue
      // What it may use of the host is changed by whoever manages it, and lets it do nothing that it could not.
      const isOnlyLimits = rows.every(({ aspect }) => aspect === 'limit')
      yield {
        about: first,
        severity: isOnlyLimits ? 'low' : 'medium',
        summary: `Less than declared holds it: ${quoteSome(rows.map(({ aspect, name }) => (name === null ? aspect : `${aspect} ${name}`)))}`,
        evidence: rows,
      }
    }
  },
})
