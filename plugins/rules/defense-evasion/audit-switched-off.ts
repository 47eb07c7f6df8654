import { defineRule, need, programName } from 'salvor'
import kernelSettings from '../../kernel/kernel-settings.js'
import processes from '../../processes/processes.js'

export default defineRule({
  name: 'audit-switched-off',
  title: 'The audit daemon runs, and the kernel audits nothing',
  means: 'Somebody switched auditing off while its daemon went on: no system call has been recorded since.',
  next: ['Find in the audit log when the records end', 'Look at timeline for what happened from then on'],
  tactic: 'defense-evasion',
  attack: ['T1562.012'],
  severity: 'high',
  confidence: 'medium',
  reads: { settings: need(kernelSettings), processes: need(processes) },
  *find({ settings, processes }) {
    const [enabled] = settings.where('name', 'audit.enabled')
    if (enabled?.value !== 'no') return
    for (const process of processes.rows) {
      if (process.container !== null || programName(process) !== 'auditd') continue
      yield { about: process, summary: 'Auditing is off, and auditd runs', evidence: [enabled, process] }
    }
  },
})
