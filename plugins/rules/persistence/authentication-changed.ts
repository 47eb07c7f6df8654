import { changedFiles, changeFinding, defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'

const PLACES =
  /^\/(?:etc\/(?:pam\.d\/|pam\.conf$|security\/|sudoers$|sudoers\.d\/)|(?:usr\/)?lib(?:64)?\/(?:[^/]+\/)?security\/pam_[^/]+$)/

export default defineRule({
  name: 'authentication-changed',
  title: 'How users are authenticated was changed since the start',
  means:
    'A module of PAM or a rule of sudo that was written here can take passwords, let in without one, or make any user root.',
  next: ['Read the file with extract; compare a module with that of its package', 'See in libraries who loaded it'],
  tactic: 'persistence',
  attack: ['T1556.003', 'T1548.003'],
  severity: 'medium',
  confidence: 'low',
  reads: { files: need(files), mounts: need(mounts), info: need(info), containers: need(containers) },
  *find(tables) {
    for (const change of changedFiles(tables, PLACES)) yield changeFinding(change)
  },
})
