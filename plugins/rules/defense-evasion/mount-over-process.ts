import { defineRule, need, quote } from 'salvor'
import mounts from '../../files/mounts.js'

export default defineRule({
  name: 'mount-over-process',
  title: 'Something is mounted over the directory of a process in /proc',
  means:
    'Whoever looks there sees an empty directory, or that of another process: so a process is hidden from ps without any rootkit.',
  next: ['See in processes what has that id: salvor does not read /proc', 'See in mounts where what covers it is from'],
  tactic: 'defense-evasion',
  attack: ['T1564'],
  severity: 'high',
  confidence: 'high',
  reads: { mounts: need(mounts) },
  *find({ mounts }) {
    for (const mount of mounts.rows) {
      if (!/^\/proc\/\d{1,10}(?:\/|$)/.test(mount.target ?? '')) continue
      yield {
        about: { container: mount.container },
        summary: `${quote(mount.root)} of ${quote(mount.type)} is mounted over ${quote(mount.target)}`,
        evidence: [mount],
      }
    }
  },
})
