import { defineRule, helperPlace, need, quote } from 'salvor'
import kernelSettings from '../../kernel/kernel-settings.js'

export default defineRule({
  name: 'uevent-helper',
  title: 'The kernel starts a program for every event of a device',
  means:
    'The helper is started by the kernel as root on the host. No distribution uses it any more: udev listens instead. ' +
    'Who can write to sysfs from a container leaves it this way.',
  next: ['Extract the program that it names and hash it', 'See which container has sysfs writable in mounts'],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'high',
  confidence: 'medium',
  reads: { settings: need(kernelSettings) },
  *find({ settings }) {
    for (const setting of settings.where('name', 'kernel.hotplug')) {
      // What builders of small systems compile in, where mdev of busybox stands for udev.
      if (!setting.value || /^\/sbin\/(?:hotplug|mdev)$/.test(setting.value)) continue
      yield {
        severity: helperPlace(setting.value) === 'container' ? 'critical' : 'high',
        summary: `The helper is ${quote(setting.value)}`,
        evidence: [setting],
      }
    }
  },
})
