import { defineRule, isDropped, need, quote } from 'salvor'
import processes from '../../processes/processes.js'

/** Services and tools of the system that nobody puts into a folder for temporary files. */
const SERVICES =
  /^(?:sshd|systemd(?:-[\w-]+)?|dbus-daemon|crond?|rsyslogd|agetty|dockerd|containerd(?:-shim(?:-[\w-]+)?)?|runc|crio|kubelet|kube-proxy|etcd|auditd|polkitd|udevd|init|nginx|httpd|apache2|chronyd|ntpd|NetworkManager|irqbalance|snapd|master|postgres|mysqld|redis-server)$/

export default defineRule({
  name: 'posing-as-service',
  title: 'A program from a folder for temporary files calls itself like a service of the system',
  means: 'The name is that of a service, the file is not where that service is installed: it wants to be taken for it.',
  next: ['Write its program with elf-dump and hash it', 'See what it has open and connected, and who started it'],
  tactic: 'defense-evasion',
  attack: ['T1036.005'],
  severity: 'high',
  confidence: 'medium',
  reads: { processes: need(processes) },
  *find({ processes }) {
    for (const process of processes.rows) {
      if (process.exe === null || !isDropped(process.exe)) continue
      const called = process.args?.[0]?.split(' ', 1)[0] ?? ''
      const names = [process.comm ?? '', called.slice(called.lastIndexOf('/') + 1).replace(/:$/, '')]
      const name = names.find((name) => SERVICES.test(name))
      if (name === undefined) continue
      yield {
        about: process,
        summary: `${quote(process.exe)} calls itself ${quote(name)}`,
        evidence: [process],
      }
    }
  },
})
