import { defineRule, firstOfHost, need, quote } from 'salvor'
import mounts from '../../files/mounts.js'
import processes from '../../processes/processes.js'

/** Programs, and what decides who may log in: nobody mounts over single files there. */
const SINGLE_FILES =
  /^\/(?:usr\/)?(?:local\/)?s?bin\/[^/]+$|^\/etc\/(?:passwd|shadow|group|sudoers|ld\.so\.preload|ssh\/[^/]+|pam\.d\/[^/]+)$/

export default defineRule({
  name: 'mount-over-program',
  title: 'A single program or file of accounts is covered by a mount on the host',
  means:
    'The file that is seen there is another one than that on the disk: a changed program, without a trace in the package.',
  next: ['Extract what is mounted there and what it covers, and compare them', 'See in mounts where it is from'],
  tactic: 'defense-evasion',
  attack: ['T1564', 'T1554'],
  severity: 'medium',
  confidence: 'medium',
  reads: { mounts: need(mounts), processes: need(processes) },
  *find({ mounts, processes }) {
    const host = firstOfHost(processes)?.mnt_ns ?? null
    if (host === null) return
    for (const mount of mounts.where('mnt_ns', host)) {
      if (!SINGLE_FILES.test(mount.target ?? '')) continue
      yield {
        summary: `${quote(mount.root)} of ${quote(mount.source)} is mounted over ${quote(mount.target)}`,
        evidence: [mount],
      }
    }
  },
})
