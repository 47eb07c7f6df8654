import { defineRule, helperPlace, need, quote } from 'salvor'
import kernelSettings from '../../kernel/kernel-settings.js'

export default defineRule({
  name: 'core-pattern-program',
  title: 'The kernel hands crashed programs to one that was not installed',
  means:
    'What core_pattern names is started by the kernel as root on the host when any program crashes, also in a ' +
    'container: who leaves a container writes it.',
  next: [
    'Extract the program that it names and hash it',
    'See which container’s files the path is of, and look for crashes in kernel-log',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'high',
  confidence: 'high',
  reads: { settings: need(kernelSettings) },
  *find({ settings }) {
    for (const setting of settings.where('name', 'kernel.core_pattern')) {
      const program = /^\|\s{0,8}(\S{1,256})/.exec(setting.value ?? '')?.[1]
      if (program === undefined) continue
      const place = helperPlace(program)
      if (place === 'installed' || program === '/sbin/crash_reporter') continue
      yield {
        severity: place === 'container' ? 'critical' : 'high',
        summary: `kernel.core_pattern is ${quote(setting.value)}`,
        evidence: [setting],
      }
    }
  },
})
