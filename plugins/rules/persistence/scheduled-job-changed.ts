import { changedFiles, changeFinding, defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'

const PLACES =
  /^\/(?:etc\/(?:ana)?crontab$|etc\/cron\.(?:d|hourly|daily|weekly|monthly)\/[^/]+$|var\/spool\/(?:cron|at)\/)/
const BY_PACKAGE = /\/(?:\.placeholder|\.SEQ)$/

export default defineRule({
  name: 'scheduled-job-changed',
  title: 'A scheduled job was written since the start',
  means:
    'Cron and at run it again and again, after every restart too: the plainest way to stay. Administrators and packages write jobs as well; this one was written while the host or the container ran.',
  next: ['Read the file with extract', 'See in timeline what else was written at that time, and who was logged in'],
  tactic: 'persistence',
  attack: ['T1053.003'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files), mounts: need(mounts), info: need(info), containers: need(containers) },
  *find(tables) {
    for (const change of changedFiles(tables, PLACES)) {
      if (!BY_PACKAGE.test(change.path)) yield changeFinding(change)
    }
  },
})
