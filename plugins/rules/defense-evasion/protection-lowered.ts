import { defineRule, need, quote, type Severity } from 'salvor'
import kernelSettings from '../../kernel/kernel-settings.js'

/** What no distribution sets so, and why it matters. */
const LOWERED: readonly (readonly [name: string, value: string, words: string, severity: Severity])[] = [
  ['kernel.randomize_va_space', '0', 'addresses of processes can be foretold', 'medium'],
  ['vm.mmap_min_addr', '0', 'null pointers of the kernel lead into memory of processes', 'medium'],
  ['kernel.ftrace_enabled', '0', 'functions of the kernel are not traced', 'medium'],
  ['kernel.perf_event_paranoid', '-1', 'everybody may trace the kernel', 'low'],
  ['fs.protected_symlinks', '0', 'links in folders for temporary files are followed', 'low'],
  ['fs.protected_hardlinks', '0', 'everybody may link to files of others', 'low'],
  ['fs.suid_dumpable', '1', 'programs that changed their user leave core dumps', 'low'],
]

export default defineRule({
  name: 'protection-lowered',
  title: 'A protection of the kernel is switched off that distributions have on',
  means:
    'It is switched off for debugging, on hardened hosts for nothing, and by who prepares an exploit or hides a rootkit.',
  next: ['Look in files for the file below /etc/sysctl.d that sets it', 'Look in shell-history for sysctl'],
  tactic: 'defense-evasion',
  attack: ['T1562'],
  severity: 'medium',
  confidence: 'low',
  reads: { settings: need(kernelSettings) },
  *find({ settings }) {
    for (const [name, value, words, severity] of LOWERED) {
      for (const setting of settings.where('name', name)) {
        if (setting.value !== value) continue
        yield { severity, summary: `${name} is ${quote(value)}: ${words}`, evidence: [setting] }
      }
    }
    const [[loaded], [enforcing]] = [
      settings.where('name', 'security.selinux.loaded'),
      settings.where('name', 'security.selinux.enforcing'),
    ]
    if (loaded?.value === 'yes' && enforcing?.value === 'no') {
      yield { severity: 'low', summary: 'SELinux has a policy and enforces nothing', evidence: [loaded, enforcing] }
    }
  },
})
