import { changedFiles, changeFinding, defineRule, need } from 'salvor'
import containers from '../../containers/containers.js'
import files from '../../files/files.js'
import mounts from '../../files/mounts.js'
import info from '../../image/info.js'

const PLACES = /^\/(?:etc|usr\/lib|lib)\/udev\/rules\.d\//

/** snapd writes these whenever it brings a new version of something. */
const OF_SNAPS = /\/(?:\d+-)?snap[.-][^/]+$/

export default defineRule({
  name: 'udev-rule-changed',
  title: 'A rule of udev was written since the start',
  means: 'Devices’ rules name programs: udev runs them as root whenever a device comes, as at every boot.',
  next: ['Read the file with extract, and look for the program that it names'],
  tactic: 'persistence',
  attack: ['T1546.017'],
  severity: 'medium',
  confidence: 'medium',
  reads: { files: need(files), mounts: need(mounts), info: need(info), containers: need(containers) },
  *find(tables) {
    for (const change of changedFiles(tables, PLACES)) {
      yield { ...changeFinding(change), severity: OF_SNAPS.test(change.path) ? 'low' : 'medium' }
    }
  },
})
