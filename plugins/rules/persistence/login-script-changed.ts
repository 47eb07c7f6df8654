import { changedFiles, changeFinding, defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'

const PLACES =
  /^\/(?:etc\/(?:profile$|profile\.d\/|bash\.bashrc$|bashrc$|environment$|zsh\/|update-motd\.d\/)|(?:root|home\/[^/]+)\/\.(?:bashrc|bash_profile|bash_login|profile|zshrc|zprofile)$)/

export default defineRule({
  name: 'login-script-changed',
  title: 'A script that runs at every login was written since the start',
  means: 'What it does is done by each user who logs in, with that user’s rights.',
  next: ['Read the file with extract', 'See in timeline what else was written at that time'],
  tactic: 'persistence',
  attack: ['T1546.004'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files), mounts: need(mounts), info: need(info), containers: need(containers) },
  *find(tables) {
    for (const change of changedFiles(tables, PLACES)) yield changeFinding(change)
  },
})
