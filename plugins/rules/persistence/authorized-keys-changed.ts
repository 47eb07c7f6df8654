import { changedFiles, changeFinding, defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'

const PLACES = /^\/(?:[^/]+\/){1,4}\.ssh\/authorized_keys2?$/

export default defineRule({
  name: 'authorized-keys-changed',
  title: 'The keys that may log in by SSH were changed since the start',
  means: 'Whoever has the private half of a key in this file can log in as its user, whatever becomes of the password.',
  next: ['Read the file with extract and ask whose keys these are', 'See in ssh-sessions and sockets who is logged in'],
  tactic: 'persistence',
  attack: ['T1098.004'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files), mounts: need(mounts), info: need(info), containers: need(containers) },
  *find(tables) {
    for (const change of changedFiles(tables, PLACES)) yield changeFinding(change)
  },
})
