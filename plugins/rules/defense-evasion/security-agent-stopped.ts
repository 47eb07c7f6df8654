import { defineRule, need, programName, quote } from 'salvor'
import processes from '../../processes/processes.js'

const AGENTS =
  /^(?:auditd|falco|tetragon|tracee|sysdig|auditbeat|filebeat|elastic-(?:agent|endpoint)|falcon-sensor(?:-bpf)?|wdavdaemon|mdatp|osqueryd|datadog-agent|security-agent|wazuh-[\w-]+|ossec-[\w-]+|sentinelone-agent|s1-agent|ds_agent|rsyslogd|syslog-ng|systemd-journald|fluent-bit|fluentd|vector|promtail|node-agent)$/

export default defineRule({
  name: 'security-agent-stopped',
  title: 'A program that watches or keeps logs is stopped by a signal or a tracer',
  means: 'It is there and does nothing: it sees nothing, and nobody is told that it is gone.',
  next: [
    'See in signals and ptrace who stopped it',
    'Take what it should have seen as not seen: its silence proves nothing',
  ],
  tactic: 'defense-evasion',
  attack: ['T1562.001'],
  severity: 'high',
  confidence: 'medium',
  reads: { processes: need(processes) },
  *find({ processes }) {
    for (const process of processes.rows) {
      if ((process.state !== 'T' && process.state !== 't') || !AGENTS.test(programName(process))) continue
      yield {
        about: process,
        summary: `${quote(process.args?.length ? process.args : process.comm)} is stopped`,
        evidence: [process],
      }
    }
  },
})
