import { defineRule, helperPlace, need, quote } from 'salvor'
import kernelSettings from '../../kernel/kernel-settings.js'

/** What distributions set, NixOS and Guix among them; those that load no modules set it empty or to a program that fails. */
const USUAL =
  /^(?:\/usr|\/usr\/local)?\/s?bin\/modprobe$|^\/(?:nix|gnu)\/store\/[\w.+-]{1,200}\/s?bin\/modprobe$|^\/run\/(?:current-system|booted-system)\/[\w/-]{1,100}\/modprobe$|^(?:\/usr)?\/bin\/(?:true|false)$|^$/

export default defineRule({
  name: 'module-loader-changed',
  title: 'The kernel loads modules by a program that is not modprobe',
  means:
    'What kernel.modprobe names is started by the kernel as root on the host whenever an unknown format or protocol is ' +
    'asked for. Exploits overwrite it.',
  next: [
    'Extract the program that it names and hash it',
    'See in process-tree and files what ran or appeared as root since',
  ],
  tactic: 'privilege-escalation',
  attack: ['T1068', 'T1611'],
  severity: 'high',
  confidence: 'high',
  reads: { settings: need(kernelSettings) },
  *find({ settings }) {
    for (const setting of settings.where('name', 'kernel.modprobe')) {
      if (setting.value === null || USUAL.test(setting.value)) continue
      const place = helperPlace(setting.value)
      yield {
        severity: place === 'container' ? 'critical' : place === 'installed' ? 'medium' : 'high',
        summary: `kernel.modprobe is ${quote(setting.value)}`,
        evidence: [setting],
      }
    }
  },
})
