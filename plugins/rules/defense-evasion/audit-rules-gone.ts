import { defineRule, need, programName, quote } from 'salvor'
import files from '../../files/files.js'
import kernelSettings from '../../kernel/kernel-settings.js'
import processes from '../../processes/processes.js'

/** Files of rules that the audit daemon loads when it starts (augenrules). */
const RULES = /^\/etc\/audit\/(?:rules\.d\/[^/]+\.rules|audit\.rules)$/
/** What is larger has rules in it, and not only the settings and remarks that a package brings. */
const WITH_RULES = 1024

export default defineRule({
  name: 'audit-rules-gone',
  title: 'The audit daemon runs, and the kernel has no rule by which it audits a system call',
  means:
    'Where rules were written, somebody removed them from the kernel (auditctl -D): logins are recorded still, and nothing ' +
    'that programs do. Many distributions install the daemon without rules.',
  next: ['Compare with the rules in /etc/audit: extract them', 'Find in the audit log when records of rules end'],
  tactic: 'defense-evasion',
  attack: ['T1562.012'],
  severity: 'info',
  confidence: 'medium',
  reads: { settings: need(kernelSettings), processes: need(processes), files: need(files) },
  *find({ settings, processes, files }) {
    const [[enabled], [rules]] = [
      settings.where('name', 'audit.enabled'),
      settings.where('name', 'audit.syscall_rules'),
    ]
    if (rules?.value !== '0' || enabled === undefined || enabled.value === 'no') return
    const written = files
      .where('container', null)
      .find(({ path, size, deleted }) => deleted !== true && Number(size ?? 0) > WITH_RULES && RULES.test(path ?? ''))
    for (const process of processes.rows) {
      if (process.container !== null || programName(process) !== 'auditd') continue
      yield {
        about: process,
        severity: written === undefined ? 'info' : 'medium',
        summary: `auditd runs without rules${written === undefined ? '' : `, and ${quote(written.path)} has ${written.size} bytes of them`}`,
        evidence: [rules, process, ...(written === undefined ? [] : [written])],
      }
    }
  },
})
