import { defineRule, helperPlace, need, quote } from 'salvor'
import mounts from '../../files/mounts.js'

/** Longest path that the kernel keeps (PATH_MAX). */
const AGENT = /(?:^|,)release_agent=([^,]{1,4096})/

export default defineRule({
  name: 'release-agent',
  title: 'A program is started as root when a cgroup becomes empty',
  means:
    'The kernel starts the release agent of a cgroup hierarchy on the host, as root. It is the oldest way out of a ' +
    'privileged container (CVE-2022-0492).',
  next: ['Extract the program that it names and hash it', 'See in mounts which container has the hierarchy writable'],
  tactic: 'privilege-escalation',
  attack: ['T1611'],
  severity: 'critical',
  confidence: 'high',
  reads: { mounts: need(mounts) },
  *find({ mounts }) {
    const told = new Set<string>()
    for (const mount of mounts.where('type', 'cgroup')) {
      const agent = AGENT.exec(mount.super_options ?? '')?.[1]
      if (agent === undefined || told.has(`${mount.device} ${agent}`)) continue
      // Of systemd, for its own hierarchy without controllers.
      if (/^\/(?:usr\/)?lib\/systemd\/systemd-cgroups-agent$/.test(agent)) continue
      told.add(`${mount.device} ${agent}`)
      yield {
        severity: helperPlace(agent) === 'installed' ? 'high' : 'critical',
        summary: `The release agent is ${quote(agent)}`,
        evidence: [mount],
      }
    }
  },
})
